// A journey through the page in headless Chromium, with pictures, axe and the time to the first image.
//
//     web.mjs PROGRAM SAMPLES [--pictures FOLDER] [--preview]
//
// PROGRAM is `wilhelm`, or the example `archive` of crates/server, with the page built into it (`make web`, then `make build`), SAMPLES the folder that web_samples.py
// wrote. With --preview the page is served by Vite in front of PROGRAM, which needs to hold none. Ends with 1 where a step fails, axe finds something serious, a request leaves this machine, the page breaks its
// Content-Security-Policy, or the first image of a CT of 300 slices takes longer than 1.5 s.

import { join } from "node:path";

import { accessible, browser, check, drawn, end, http, newPage, pause, samples, shot, stow } from "./page.mjs";

const FIRST_IMAGE_MS = 1500;
const TIMES = 5;

/** Waits until a text of the pane is so, and says whether it became so: a loaded machine draws late. */
async function becomes(page, id, wanted) {
  const is = (name, text) => document.querySelector(`[data-testid=${name}]`)?.textContent === text;
  return page.waitForFunction(is, { timeout: 20000 }, id, wanted).then(() => true, () => false);
}

const written = (page, id) => page.$eval(`[data-testid=${id}]`, (element) => element.textContent);

async function press(page, key) {
  await page.keyboard.press(key);
  await pause(400);
}

async function openFromList(page, name) {
  await page.goto(`${http}/#/`);
  await page.waitForSelector("tbody tr a");
  const rows = await page.$$("tbody tr");
  for (const row of rows) {
    const text = await row.evaluate((element) => element.textContent);
    if (text.includes(name)) {
      await row.click();
      await page.waitForFunction(() => performance.getEntriesByName("wilhelm.image").length > 0, { timeout: 60000 });
      await page.waitForSelector("[data-testid=slice]");
      await pause(1200);
      return;
    }
  }
  check(false, `the list holds ${name}`);
}

async function drag(page, from, to) {
  await page.mouse.move(...from);
  await page.mouse.down();
  await page.mouse.move((from[0] + to[0]) / 2, (from[1] + to[1]) / 2, { steps: 4 });
  await page.mouse.move(...to, { steps: 4 });
  await page.mouse.up();
  await pause(500);
}

/** Milliseconds from opening the study's address in a fresh browser context to its first drawn image, once a time. */
async function firstImages(study) {
  const times = [];
  for (let time = 0; time < TIMES; time += 1) {
    const context = await browser.createBrowserContext();
    const page = await context.newPage();
    await page.setViewport({ width: 1280, height: 800 });
    await page.goto(`${http}/#/study/${study}`);
    await page.waitForFunction(() => performance.getEntriesByName("wilhelm.image").length > 0, { timeout: 60000 });
    times.push(await page.evaluate(() => performance.getEntriesByName("wilhelm.image")[0].startTime));
    await context.close();
  }
  return times.sort((one, other) => one - other);
}

/** The same from a click in the list, where the viewer's code is there already. */
async function firstImagesFromList(name) {
  const times = [];
  for (let time = 0; time < TIMES; time += 1) {
    const context = await browser.createBrowserContext();
    const page = await context.newPage();
    await page.setViewport({ width: 1280, height: 800 });
    await page.goto(`${http}/#/`);
    await page.waitForSelector("tbody tr a");
    await pause(3000);
    const begun = await page.evaluate((text) => {
      const row = [...document.querySelectorAll("tbody tr")].find((one) => one.textContent.includes(text));
      const now = performance.now();
      row.click();
      return now;
    }, name);
    await page.waitForFunction(() => performance.getEntriesByName("wilhelm.image").length > 0, { timeout: 60000 });
    times.push((await page.evaluate(() => performance.getEntriesByName("wilhelm.image")[0].startTime)) - begun);
    await context.close();
  }
  return times.sort((one, other) => one - other);
}

try {
  const page = await newPage();
  await page.goto(http);
  await page.waitForSelector(".worklist p");
  check((await page.$$("tbody tr")).length === 0, "an empty archive has an empty list");
  for (const name of ["ct", "earlier", "mr", "xray"]) await stow(join(samples, name));
  await page.waitForFunction(() => document.querySelectorAll("tbody tr").length === 4, { timeout: 20000 });
  check(true, "new studies come into the list by themselves");
  await shot(page, "worklist");
  await accessible(page, "list");

  await page.type("input[type=search]", "wang");
  await page.waitForFunction(() => document.querySelectorAll("tbody tr").length === 2);
  check(true, "a search by a part of a name finds that patient's two studies");
  await page.select("header select", "zh");
  await pause(300);
  check((await page.$eval("h1", (element) => element.textContent)) === "工作列表", "the page speaks Chinese");
  await shot(page, "worklist-zh");
  await page.select("header select", "en");

  await openFromList(page, "CT abdomen and pelvis");
  check((await drawn(page)) > 20, "the CT is drawn");
  check(await becomes(page, "slice", "151 / 300"), "the CT opens at its middle");
  await shot(page, "ct");
  await accessible(page, "viewer");
  await press(page, "ArrowDown");
  check(await becomes(page, "slice", "152 / 300"), "an arrow key scrolls");
  const box = await (await page.$(".pane canvas")).boundingBox();
  const center = [box.x + box.width / 2, box.y + box.height / 2];
  await page.mouse.move(...center);
  await page.mouse.wheel({ deltaY: 100 });
  await pause(600);
  check((await written(page, "slice")) !== "152 / 300", "the wheel scrolls");
  await press(page, "Home");
  check(await becomes(page, "slice", "1 / 300"), "Home shows the first image");
  await press(page, "End");
  check(await becomes(page, "slice", "300 / 300"), "End shows the last image");
  for (let time = 0; time < 8; time += 1) await page.keyboard.press("PageUp");
  await pause(800);
  await press(page, "3");
  check(await becomes(page, "window", "C -600 W 1500"), "a number key sets the lung window");
  await shot(page, "ct-lung");
  await press(page, "w");
  await drag(page, center, [center[0] + 80, center[1] + 40]);
  check((await written(page, "window")) !== "C -600 W 1500", "dragging changes the window");
  await press(page, "1");
  await press(page, "i");
  const inverts = page.waitForSelector("button[aria-pressed=true][title^=Invert]", { timeout: 20000 });
  check(await inverts.then(() => true, () => false), "I inverts");
  await press(page, "i");
  await press(page, "l");
  await drag(page, [center[0] - 150, center[1] - 30], [center[0] + 150, center[1] - 30]);
  await press(page, "e");
  await drag(page, [center[0] - 40, center[1] + 40], [center[0] + 60, center[1] + 120]);
  await press(page, "b");
  await page.mouse.click(center[0] + 180, center[1] - 110);
  await pause(600);
  await press(page, "a");
  await drag(page, [center[0] - 120, center[1] + 150], [center[0] - 40, center[1] + 80]);
  await page.mouse.move(center[0] + 30, center[1] + 150, { steps: 4 });
  await page.mouse.click(center[0] + 30, center[1] + 150);
  await pause(600);
  const lines = await page.$$eval("[data-testid=measurement]", (all) => all.map((one) => one.textContent));
  console.log(`     ${lines.join(" / ")}`);
  check(lines.length === 4 && /Length 1: \d+ mm/.test(lines[0]) && lines.every((line) => /\d ?(mm|HU|°)/.test(line)), "length, ellipse, probe and angle are measured");
  await shot(page, "measurements");
  await press(page, "w");
  const before = await written(page, "slice");
  await press(page, "c");
  await pause(1200);
  check((await written(page, "slice")) !== before, "cine plays");
  await press(page, "c");
  await page.keyboard.press("?");
  await page.waitForSelector("dialog[open]");
  await shot(page, "keys");
  await accessible(page, "sheet of keys");
  await page.click("dialog button");
  await press(page, "m");
  await page.waitForFunction(() => performance.getEntriesByName("wilhelm.volume").length > 0, { timeout: 180000 });
  await pause(6000);
  for (const [at, plane] of ["axial", "sagittal", "coronal", "MIP"].entries()) {
    check((await drawn(page, at)) > 20, `the ${plane} plane is drawn`);
  }
  await press(page, "x");
  await pause(3000);
  await shot(page, "mpr");
  await press(page, "m");
  await pause(1500);
  check((await drawn(page)) > 20, "back in the stack the image is drawn");

  await openFromList(page, "CT of a PET/CT");
  check((await drawn(page)) > 20, "a CT in JPEG 2000 is decoded in the page");
  await page.waitForSelector("[data-testid=segments]", { timeout: 20000 });
  await pause(1500);
  await shot(page, "segmentation");
  await openFromList(page, "CT abdomen and pelvis");
  await page.waitForSelector(".side.left a", { timeout: 20000 });
  await page.$eval(".side.left a", (link) => link.click());
  await page.waitForFunction(() => document.querySelectorAll(".pane canvas").length === 2, { timeout: 60000 });
  await pause(2500);
  check((await drawn(page, 0)) > 20 && (await drawn(page, 1)) > 20, "two studies are shown side by side");
  const slices = () => page.$$eval("[data-testid=slice]", (all) => all.map((one) => one.textContent));
  await press(page, "ArrowDown");
  const [, there] = await slices();
  for (let time = 0; time < 6; time += 1) await press(page, "ArrowDown");
  check((await slices())[1] !== there, "they scroll together");
  await shot(page, "beside");

  await openFromList(page, "CR");
  await page.waitForSelector("[data-testid=report] .finding");
  check((await drawn(page)) > 20, "the radiograph in JPEG is decoded in the page");
  await page.click("[data-testid=report] .finding");
  await pause(800);
  check(await becomes(page, "slice", "1 / 1"), "a finding shows its image");
  await shot(page, "report");
  await accessible(page, "report");

  await openFromList(page, "MR");
  check((await drawn(page)) > 10, "the MR is drawn");
  await shot(page, "mr");
  await page.close();

  const studies = await (await fetch(`${http}/dicom-web/studies?StudyDescription=CT abdomen and pelvis`)).json();
  const [cold, warm] = [
    await firstImages(studies[0]["0020000D"].Value[0]),
    await firstImagesFromList("CT abdomen and pelvis"),
  ];
  const median = (times) => times[times.length >> 1];
  const say = (times) => `${median(times).toFixed(0)} ms (${times.map((time) => time.toFixed(0)).join(", ")})`;
  console.log(`first image of 300 slices, address opened in a fresh browser context: ${say(cold)}`);
  console.log(`first image of 300 slices, from a click in the list: ${say(warm)}`);
  check(median(warm) <= FIRST_IMAGE_MS, `the first image comes within ${FIRST_IMAGE_MS} ms of a click`);
  check(median(cold) <= FIRST_IMAGE_MS, `the first image comes within ${FIRST_IMAGE_MS} ms of opening its address`);
} catch (error) {
  check(false, error.stack);
} finally {
  await end("the page");
}
