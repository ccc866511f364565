// What the journeys through the page share: an archive, a browser, pictures, axe.

import { spawn, spawnSync } from "node:child_process";
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

/** What a journey leaves behind; gone at its end. */
export const folder = mkdtempSync(join(tmpdir(), "wilhelm-web-"));
/** The folder of the archive. */
export const store = join(folder, "archive");
/** Accounts by their role, where the journey wants sign-in: it says so before it loads this file. */
const accounts = Object.entries(JSON.parse(process.env.WILHELM_JOURNEY_ACCOUNTS ?? "{}"));
/** The password of all of them. */
export const PASSWORD = "correct horse battery";
// Keys and accounts of whoever runs this are not touched.
const environment = {
  ...process.env,
  XDG_CONFIG_HOME: join(folder, "config"),
  ...(ohif ? { WILHELM_SERVER_OHIF: resolve(ohif) } : {}),
  ...(demo ? { WILHELM_CACHE: join(folder, "cache") } : {}),
};

/** What a verb of the program says, with the journey's own archive, accounts and keys. */
export function run(verb, input = "") {
  const { status, stdout, stderr } = spawnSync(program, verb, { env: environment, input, encoding: "utf8", maxBuffer: 1 << 26 });
  return { status, stdout, stderr };
}

/** The passwords with which people begin, a change of which the page asks for first. */
export const begun = {};

function makeAccounts() {
  for (const [name, role] of accounts) {
    const made = run(["users", "add", name, "--role", role, "--all", "--json"]);
    if (made.status !== 0) throw new Error(`${name} gets no account: ${made.stderr}`);
    begun[name] = JSON.parse(made.stdout).password;
  }
}

/** Gives an account the password of all, as who has changed it. */
export function settle(name) {
  const set = run(["users", "password", name], `${begun[name]}\n${PASSWORD}\n`);
  if (set.status !== 0) throw new Error(`${name} gets no password: ${set.stderr}`);
}

async function serve(store, more = {}) {
  // The example `archive` of crates/server holds the page as well, and is quicker to build.
  const alone = program.endsWith("archive");
  if (alone && accounts.length > 0) throw new Error("this journey wants accounts, which the program alone makes");
  const place = demo ? ["--demo"] : [...(accounts.length > 0 ? [] : ["--open"]), "--data", store];
  const command = alone ? [store] : ["serve", ...place, "--http", "127.0.0.1:0", "--dimse", "127.0.0.1:0", "--json"];
  const child = spawn(program, command, { stdio: ["ignore", "pipe", "inherit"], env: { ...environment, ...more } });
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

makeAccounts();
// A second archive, where the journey wants one to send to.
const second = process.env.WILHELM_JOURNEY_PEER ? await serve(join(folder, "peer")) : undefined;
/** Its DICOMweb. */
export const peer = second && `${second.http}/dicom-web`;
const served = await serve(store, peer ? { WILHELM_SERVER_WEB_PEERS: JSON.stringify([peer]) } : {});
const previewed = options.includes("--preview") ? await preview(served.http) : undefined;
/** Where the page is. */
export const http = (previewed ?? served).http;
/** Where the archive is. */
export const archive = served.http;
export const browser = await puppeteer.launch({
  executablePath: chromium,
  args: ["--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--ignore-gpu-blocklist", "--lang=en"],
});

/** A page with a context of its own, which has no cookie of another's. */
export const ownPage = async () => newPage(await browser.createBrowserContext());

export async function newPage(context = browser) {
  const page = await context.newPage();
  await page.setViewport({ width: 1280, height: 800 });
  page.on("pageerror", (error) => check(false, `an error of the page: ${error.message}`));
  page.on("console", (message) => {
    const text = message.text();
    if (text.includes("Content Security Policy")) check(false, `the page breaks its policy: ${text}`);
    else if (message.type() === "error" && !text.includes("404")) console.log(`     console: ${text} ${message.location().url ?? ""}`);
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

/** Signs in at the page. */
export async function signIn(page, name, password = PASSWORD) {
  await page.waitForSelector("input[autocomplete=username]");
  await page.type("input[autocomplete=username]", name);
  await page.type("input[type=password]", password);
  await page.click("button[type=submit]");
}

/** Stores files by the session of a page, as its account. */
export async function storeFrom(page, place, most = Infinity) {
  const files = readdirSync(place, { recursive: true }).filter((name) => name.endsWith(".dcm")).sort().slice(0, most);
  const refused = [];
  for (const file of files) {
    const bytes = readFileSync(join(place, file)).toString("base64");
    const status = await page.evaluate(async (given) => {
      const body = Uint8Array.from(atob(given), (one) => one.charCodeAt(0));
      const headers = { "Content-Type": "application/dicom" };
      return (await fetch("/dicom-web/studies", { method: "POST", headers, body })).status;
    }, bytes);
    if (status !== 200) refused.push(`${file} (${status})`);
  }
  check(refused.length === 0, `${files.length} objects are stored ${refused.join(", ")}`);
}

let isServed = true;

/** Ends the browser and the archive: what comes after has the archive to itself. */
export async function close() {
  if (!isServed) return;
  isServed = false;
  await browser.close();
  previewed?.child.kill("SIGTERM");
  for (const one of [served, second]) {
    if (one === undefined) continue;
    const stopped = new Promise((done) => one.child.once("exit", done));
    one.child.kill("SIGTERM");
    await stopped;
  }
}

/** Ends what runs still, and says what became of the journey. */
export async function end(name) {
  await close();
  rmSync(folder, { recursive: true, force: true });
  console.log(failures.length === 0 ? `${name} passed` : `${failures.length} failed`);
  process.exitCode = failures.length === 0 ? 0 : 1;
}
