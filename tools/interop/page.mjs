// What the journeys through the page share: an archive, a browser, pictures, axe.

import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

const root = resolve(import.meta.dirname, "../..");
const require = createRequire(join(root, "web/package.json"));
const puppeteer = require("puppeteer-core");
const axe = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");

const [program, samplesGiven, ...options] = process.argv.slice(2);
export const samples = samplesGiven;
const option = (name) => (options.includes(name) ? options[options.indexOf(name) + 1] : undefined);
const pictures = option("--pictures");
/** The folder of tools/ohif.sh, which the program serves. */
const ohif = option("--ohif");
/** Where a journey leaves what it made, if it is asked to. */
export const keep = option("--keep");
/** Whether the archive is the program's demonstration, whose studies were read already. */
export const demo = options.includes("--demo");
const chromium = process.env.CHROMIUM ?? "/usr/bin/chromium";
const failures = [];
export const check = (holds, what) => {
  console.log(`${holds ? "ok  " : "FAIL"} ${what}`);
  if (!holds) failures.push(what);
};

const folder = mkdtempSync(join(tmpdir(), "wilhelm-web-"));
const store = join(folder, "archive");

async function serve() {
  // The example `archive` of crates/server holds the page as well, and is quicker to build.
  const alone = program.endsWith("archive");
  const command = alone ? [store] : ["serve", ...(demo ? ["--demo"] : ["--open", "--data", store]), "--http", "127.0.0.1:0", "--dimse", "127.0.0.1:0", "--json"];
  const child = spawn(program, command, {
    stdio: ["ignore", "pipe", "inherit"],
    // Keys and accounts of whoever runs this are not touched.
    env: { ...process.env, XDG_CONFIG_HOME: join(folder, "config"), ...(ohif ? { WILHELM_SERVER_OHIF: resolve(ohif) } : {}), ...(demo ? { WILHELM_CACHE: join(folder, "cache") } : {}) },
  });
  let text = "";
  for await (const chunk of child.stdout) {
    text += chunk;
    if (/^\}\s*$/m.test(text)) break;
  }
  return { child, http: JSON.parse(text).http };
}

/** The files of a folder in one request, as any client stores them. */
export async function stow(place) {
  const files = readdirSync(place, { recursive: true }).filter((name) => name.endsWith(".dcm")).sort();
  const parts = files.flatMap((name) => [
    "--part\r\nContent-Type: application/dicom\r\n\r\n",
    readFileSync(join(place, name)),
    "\r\n",
  ]);
  const response = await fetch(`${archive}/dicom-web/studies`, {
    method: "POST",
    headers: { "Content-Type": 'multipart/related; type="application/dicom"; boundary=part', Accept: "application/dicom+json" },
    body: new Blob([...parts, "--part--\r\n"]),
  });
  check(response.ok, `stored ${files.length} objects of ${place.split("/").at(-1)} (${response.status})`);
}

/** Vite's server of the built page, in front of the archive. */
async function preview(archive) {
  const vite = join(root, "web/node_modules/vite/bin/vite.js");
  const child = spawn(process.execPath, [vite, "preview", "--host", "127.0.0.1", "--port", "0"], {
    cwd: join(root, "web"),
    env: { ...process.env, WILHELM_ARCHIVE: archive, NO_COLOR: "1" },
    stdio: ["ignore", "pipe", "inherit"],
  });
  let text = "";
  for await (const chunk of child.stdout) {
    text += chunk;
    const found = /http:\/\/127\.0\.0\.1:\d+/.exec(text);
    if (found) return { child, http: found[0] };
  }
  throw new Error("Vite's server did not start");
}

export const pause = (ms) => new Promise((done) => setTimeout(done, ms));

const served = await serve();
const previewed = options.includes("--preview") ? await preview(served.http) : undefined;
/** Where the page is. */
export const http = (previewed ?? served).http;
/** Where the archive is. */
export const archive = served.http;
export const browser = await puppeteer.launch({
  executablePath: chromium,
  args: ["--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--ignore-gpu-blocklist", "--lang=en"],
});

export async function newPage() {
  const page = await browser.newPage();
  await page.setViewport({ width: 1280, height: 800 });
  page.on("pageerror", (error) => check(false, `an error of the page: ${error.message}`));
  page.on("console", (message) => {
    const text = message.text();
    if (text.includes("Content Security Policy")) check(false, `the page breaks its policy: ${text}`);
    else if (message.type() === "error" && !text.includes("404")) console.log(`     console: ${text}`);
  });
  page.on("request", (request) => {
    const url = new URL(request.url());
    if (!["data:", "blob:"].includes(url.protocol) && url.origin !== http) check(false, `a request left: ${url.origin}`);
  });
  return page;
}

export async function shot(page, name) {
  if (!pictures) return;
  mkdirSync(pictures, { recursive: true });
  await page.screenshot({ path: join(pictures, `page-${name}.png`), optimizeForSpeed: false });
}

export async function accessible(page, where) {
  await page.evaluate(axe);
  const found = await page.evaluate(() => axe.run(document, { resultTypes: ["violations"] }));
  const bad = found.violations.filter(({ impact }) => ["serious", "critical"].includes(impact));
  for (const { id, nodes } of bad) console.log(`     ${id}: ${nodes.map((node) => node.html.slice(0, 120)).join(" | ")}`);
  check(bad.length === 0, `axe finds nothing serious on the ${where} (${found.violations.length} lesser)`);
}

/** Whether the canvas of a pane holds more than one color. */
export const drawn = (page, at = 0) =>
  page.evaluate((number) => {
    const canvas = document.querySelectorAll(".pane canvas")[number];
    if (!canvas) return 0;
    const { width, height } = canvas;
    const copy = new OffscreenCanvas(width, height).getContext("2d");
    copy.drawImage(canvas, 0, 0);
    const pixels = copy.getImageData(0, 0, width, height).data;
    return new Set(Array.from({ length: 4000 }, (_, n) => pixels[((n * 7919) % (width * height)) * 4])).size;
  }, at);

/** Ends the browser and the archive, and says what became of the journey. */
export async function end(name) {
  await browser.close();
  previewed?.child.kill("SIGTERM");
  const stopped = new Promise((done) => served.child.once("exit", done));
  served.child.kill("SIGTERM");
  await stopped;
  rmSync(folder, { recursive: true, force: true });
  console.log(failures.length === 0 ? `${name} passed` : `${failures.length} failed`);
  process.exitCode = failures.length === 0 ? 0 : 1;
}
