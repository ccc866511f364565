// A journey through fusion, painted segments, key images, layouts by rule, cine and sending to another archive in headless Chromium.
//
//     imaging.mjs PROGRAM SAMPLES [--pictures FOLDER] [--preview] [--keep FOLDER]
//
// PROGRAM and SAMPLES as for web.mjs. With --keep what was made is written there, with what the page said of it, to be
// held against other readers. Ends with 1 as web.mjs does.

import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

process.env.WILHELM_JOURNEY_PEER = "1";
const { accessible, archive, check, drawn, end, http, keep, newPage, pause, peer, samples, shot, stow } = await import("./page.mjs");

const text = (page, selector) => page.$eval(selector, (element) => element.textContent).catch(() => "");
const shows = (page, selector, wanted, timeout = 20000) =>
  page
    .waitForFunction((where, what) => document.querySelector(where)?.textContent.includes(what), { timeout }, selector, wanted)
    .then(() => true, () => false);
const marked = (page, name, timeout = 120000) =>
  page.waitForFunction((one) => performance.getEntriesByName(one).length > 0, { timeout }, name).then(() => true, () => false);

async function press(page, key) {
  await page.keyboard.press(key);
  await pause(400);
}

async function push(page, within, label) {
  const done = await page.evaluate(
    (where, what) => {
      const button = [...document.querySelectorAll(`${where} button`)].find((one) => one.textContent.trim() === what);
      button?.click();
      return button !== undefined && !button.disabled;
    },
    within,
    label,
  );
  if (!done) check(false, `there is a button ${label}`);
  await pause(400);
}

async function choose(page, within, label, value) {
  const done = await page.evaluate(
    (where, what, wanted) => {
      const found = [...document.querySelectorAll(`${where} label`)].find((one) => one.textContent.trim().startsWith(what));
      const field = found?.querySelector("select, input");
      if (!field) return false;
      const set = Object.getOwnPropertyDescriptor(Object.getPrototypeOf(field), "value").set;
      set.call(field, wanted);
      field.dispatchEvent(new Event(field.tagName === "SELECT" ? "change" : "input", { bubbles: true }));
      return true;
    },
    within,
    label,
    value,
  );
  if (!done) check(false, `there is a field ${label}`);
  await pause(600);
}

const study = async (description) => {
  const found = await (await fetch(`${archive}/dicom-web/studies?StudyDescription=${encodeURIComponent(description)}`)).json();
  return found[0]["0020000D"].Value[0];
};

async function open(page, uid) {
  await page.goto("about:blank");
  await page.goto(`${http}/#/study/${uid}`);
}

/** The share of a pane's pixels that have a color, in percent. */
const colored = (page, at = 0) =>
  page.evaluate((number) => {
    const canvas = document.querySelectorAll(".pane canvas")[number];
    const { width, height } = canvas;
    const copy = new OffscreenCanvas(width, height).getContext("2d");
    copy.drawImage(canvas, 0, 0);
    const pixels = copy.getImageData(0, 0, width, height).data;
    let count = 0;
    for (let pixel = 0; pixel < pixels.length; pixel += 4) {
      if (Math.max(pixels[pixel], pixels[pixel + 1], pixels[pixel + 2]) - Math.min(pixels[pixel], pixels[pixel + 1], pixels[pixel + 2]) > 24) count += 1;
    }
    return (100 * count) / (width * height);
  }, at);

/** The middle of the pixels of a pane that are red before all, in shares of its width and height. */
const warmest = (page, at) =>
  page.evaluate((number) => {
    const canvas = document.querySelectorAll(".pane canvas")[number];
    const { width, height } = canvas;
    const copy = new OffscreenCanvas(width, height).getContext("2d");
    copy.drawImage(canvas, 0, 0);
    const pixels = copy.getImageData(0, 0, width, height).data;
    const found = [];
    for (let pixel = 0; pixel < width * height; pixel += 1) {
      const [red, , blue] = pixels.slice(pixel * 4, pixel * 4 + 3);
      if (red - blue > 90) found.push([pixel % width, Math.floor(pixel / width)]);
    }
    const middle = (axis) => found.map((one) => one[axis]).sort((one, other) => one - other)[found.length >> 1] ?? 0;
    return { x: middle(0) / width, y: middle(1) / height, count: found.length };
  }, at);

/** Which pixels of the image are colored, as text: to compare two pictures of one overlay. */
const mask = (page) =>
  page.evaluate(() => {
    const canvas = document.querySelector(".pane canvas");
    const { width, height } = canvas;
    const copy = new OffscreenCanvas(width, height).getContext("2d");
    copy.drawImage(canvas, 0, 0);
    const pixels = copy.getImageData(0, 0, width, height).data;
    const found = [];
    for (let pixel = 0; pixel < width * height; pixel += 1) {
      const [red, green, blue] = pixels.slice(pixel * 4, pixel * 4 + 3);
      if (Math.max(red, green, blue) - Math.min(red, green, blue) > 24) found.push(pixel);
    }
    return found;
  });

async function box(page, at = 0) {
  const { x, y, width, height } = await (await page.$$(".pane canvas"))[at].boundingBox();
  return { x, y, width, height, middle: [x + width / 2, y + height / 2] };
}

async function drag(page, from, to) {
  await page.mouse.move(...from);
  await page.mouse.down();
  await page.mouse.move((from[0] + to[0]) / 2, (from[1] + to[1]) / 2, { steps: 6 });
  await page.mouse.move(...to, { steps: 6 });
  await page.mouse.up();
  await pause(700);
}

async function kept(uid, modality, name) {
  const found = await (await fetch(`${archive}/dicom-web/studies/${uid}/instances?Modality=${modality}`)).json().catch(() => []);
  check(found.length === 1, `the study holds one object of ${modality} (${found.length})`);
  if (!keep || found.length === 0) return;
  const [series, instance] = ["0020000E", "00080018"].map((tag) => found[0][tag].Value[0]);
  const answer = await fetch(`${archive}/dicom-web/studies/${uid}/series/${series}/instances/${instance}`, { headers: { Accept: "application/dicom; transfer-syntax=*" } });
  mkdirSync(keep, { recursive: true });
  writeFileSync(join(keep, name), Buffer.from(await answer.arrayBuffer()));
}

async function fused(page) {
  await open(page, await study("PET/CT (simulated uptake)"));
  check(await marked(page, "wilhelm.fused"), "a PET/CT opens as its PET over its CT, by rule");
  await pause(2500);
  check((await text(page, "[data-testid=rule]")).includes("PET over CT"), "the rule says so");
  check((await text(page, "[data-testid=fusion]")).includes("Standardized uptake values by body weight"), "uptake values are shown");
  for (const [at, plane] of ["axial", "sagittal", "coronal"].entries()) {
    const share = await colored(page, at);
    check(share > 1, `the ${plane} plane shows colors over gray (${share.toFixed(1)} %)`);
  }
  check((await drawn(page, 3)) > 20, "the projection is drawn");
  const place = await box(page);
  // Every plane is cut through the middle of the volumes, which meets one sphere at its edge: the coronal one shows most of it.
  const values = [];
  const coronal = await box(page, 2);
  const read = async (x, y) => {
    await page.mouse.move(x, y);
    const found = /CT (-?[\d.]+) HU · PT ([\d.]+) SUV/.exec(await text(page, "[data-testid=readout]"));
    if (found) values.push(found.slice(1).map(Number));
  };
  for (let row = 0; row < 14; row += 1) {
    for (let column = 0; column < 14; column += 1) await read(place.x + ((column + 0.5) / 14) * place.width, place.y + ((row + 0.5) / 14) * place.height);
  }
  const hot = await warmest(page, 2);
  await read(coronal.x + hot.x * coronal.width, coronal.y + hot.y * coronal.height);
  const hottest = Math.max(...values.map(([, uptake]) => uptake));
  check(values.length > 60 && Math.abs(hottest - 6) < 0.02, `the sphere of 6 g/mL reads ${hottest} under the pointer (${values.length} places)`);
  check(values.some(([hounsfield]) => hounsfield < -900) && values.some(([hounsfield]) => hounsfield > -100 && hounsfield < 200), "and the CT its Hounsfield units");
  await page.mouse.move(place.x + place.width + 4, place.y + place.height + 4);
  await shot(page, "fusion");
  await accessible(page, "fusion");
  const before = await colored(page);
  await choose(page, "[data-testid=fusion]", "Opacity", "0");
  check((await colored(page)) < before / 4, "the slider lets the CT through");
  await choose(page, "[data-testid=fusion]", "Opacity", "0.6");
  await choose(page, "[data-testid=fusion]", "Colors", "viridis");
  check((await colored(page)) > 1, "another map of colors is taken");
  await page.click(".pane .image");
  await press(page, "f");
  await pause(1500);
  check((await colored(page)) < 0.5 && (await drawn(page, 3)) > 20, "F takes the PET off, and the projection is the CT's again");
  await press(page, "f");
  await pause(2500);
  check((await colored(page)) > 1, "and lays it over again");
  // The overlay scrolls with the CT, since both are cut by one plane: its color is where its own slice has it.
  for (let time = 0; time < 3; time += 1) await press(page, "PageDown");
  await pause(800);
  check((await colored(page)) > 0.2, "both scroll together");
}

async function painted(page) {
  const uid = await study("CT abdomen and pelvis");
  await open(page, uid);
  check(await marked(page, "wilhelm.image"), "the CT opens");
  await pause(1500);
  check((await text(page, "[data-testid=rule]")).includes("CT in the window of its body part"), "the CT hangs in the window of its body part");
  const place = await box(page);
  await press(page, "d");
  await page.waitForSelector("[data-testid=paint] ul");
  await drag(page, [place.middle[0] - 90, place.middle[1] - 10], [place.middle[0] - 20, place.middle[1] + 20]);
  await pause(1200);
  const first = Number(await page.$eval("[data-testid=paint] [data-testid=volume]", (one) => one.dataset.voxels));
  check(first > 500, `a stroke paints voxels (${first})`);
  const once = await colored(page);
  check(once > 0.3, "they are shown");
  await drag(page, [place.middle[0] + 40, place.middle[1] - 60], [place.middle[0] + 80, place.middle[1] - 60]);
  await page.keyboard.down("Control");
  await page.keyboard.press("z");
  await page.keyboard.up("Control");
  await pause(1500);
  const undone = Number(await page.$eval("[data-testid=paint] [data-testid=volume]", (one) => one.dataset.voxels));
  check(undone === first, `Ctrl Z takes the last stroke back (${undone})`);
  await press(page, "g");
  await drag(page, [place.middle[0] - 60, place.middle[1] - 30], [place.middle[0] - 50, place.middle[1] + 40]);
  await pause(1200);
  const erased = Number(await page.$eval("[data-testid=paint] [data-testid=volume]", (one) => one.dataset.voxels));
  check(erased > 0 && erased < first, `the eraser takes some away (${erased})`);
  await push(page, "[data-testid=paint]", "Add a segment");
  await push(page, "[data-testid=paint]", "Threshold brush");
  await choose(page, "[data-testid=paint]", "From", "150");
  await choose(page, "[data-testid=paint]", "to", "3000");
  await choose(page, "[data-testid=paint]", "Brush", "40");
  await press(page, "ArrowDown");
  await pause(600);
  await drag(page, [place.middle[0] - 30, place.middle[1] + 60], [place.middle[0] + 30, place.middle[1] + 60]);
  await pause(1500);
  const volumes = await page.$$eval("[data-testid=paint] [data-testid=volume]", (all) => all.map((one) => Number(one.dataset.voxels)));
  console.log(`     voxels: ${volumes.join(", ")}; ${await page.$$eval("[data-testid=paint] [data-testid=volume]", (all) => all.map((one) => one.textContent).join(", "))}`);
  check(volumes.length === 2 && volumes[1] > 50, "the threshold brush paints what is dense alone");
  await page.mouse.move(place.x - 40, place.y + 4);
  await pause(800);
  await shot(page, "painting");
  await accessible(page, "painting");
  const slice = await text(page, "[data-testid=slice]");
  const here = await mask(page);
  await push(page, "[data-testid=paint]", "Save segmentation");
  check(await shows(page, "[data-testid=paint] [role=status]", "Saved in the study."), "the segmentation is saved in the study");
  await kept(uid, "SEG", "painted.dcm");
  await open(page, uid);
  await marked(page, "wilhelm.image");
  check((await page.waitForSelector("[data-testid=segments]", { timeout: 30000 }).then(() => 1, () => 0)) === 1, "it is shown again after a reload");
  await pause(1500);
  const again = await page.$$eval("[data-testid=segments] [data-testid=volume]", (all) => all.map((one) => Number(one.dataset.voxels)));
  check(JSON.stringify(again) === JSON.stringify(volumes), `with the voxels that were painted (${again.join(", ")})`);
  for (let time = 0; time < 4 && (await text(page, "[data-testid=slice]")) !== slice; time += 1) await press(page, "ArrowDown");
  await pause(1200);
  const there = await mask(page);
  const held = new Set(there);
  const both = here.filter((pixel) => held.has(pixel)).length;
  const overlap = (2 * both) / (here.length + there.length);
  check(here.length > 200 && overlap > 0.97, `at the same pixels of the same image (Dice ${overlap.toFixed(4)} of ${here.length})`);
  await shot(page, "painted");
  if (keep) writeFileSync(join(keep, "painted.json"), JSON.stringify({ voxels: volumes, threshold: [150, 3000] }));
}

async function keyImages(page) {
  const uid = await study("CT abdomen and pelvis");
  await page.click(".pane .image");
  await press(page, "w");
  await press(page, "k");
  check((await text(page, ".corner.top-right")).includes("Key image"), "K marks the image");
  for (let time = 0; time < 3; time += 1) await press(page, "ArrowDown");
  await press(page, "k");
  await press(page, "ArrowDown");
  await choose(page, "[data-testid=key-images]", "In words", "two levels");
  await shot(page, "key-images");
  await accessible(page, "key images");
  await push(page, "[data-testid=key-images]", "Save key images");
  check(await shows(page, "[data-testid=key-images] h3", "Of Interest: two levels"), "the selection is saved in the study and listed");
  await kept(uid, "KO", "keys.dcm");
  await open(page, uid);
  await marked(page, "wilhelm.image");
  await page.waitForSelector("[data-testid=key-images] h3", { timeout: 20000 });
  await page.click("[data-testid=key-images] .lines button");
  await pause(800);
  check((await text(page, ".corner.top-right")).includes("Key image"), "a key image is found again after a reload");
}

async function cine(page) {
  await open(page, await study("Cine of 24 frames"));
  check(await marked(page, "wilhelm.image"), "the object of many frames opens");
  await pause(800);
  check((await text(page, "[data-testid=slice]")) === "1 / 24", "at its first frame");
  await press(page, "c");
  check(await shows(page, ".toolbar", "15/s"), "C plays at the rate of its header");
  await press(page, ".");
  check(await shows(page, ".toolbar", "20/s"), "a full stop plays faster");
  const before = await text(page, "[data-testid=slice]");
  await pause(700);
  check((await text(page, "[data-testid=slice]")) !== before, "the frames go on");
  await accessible(page, "cine");
  await press(page, "c");
  await page.keyboard.press("?");
  await page.waitForSelector("dialog[open]");
  check((await text(page, "dialog[open]")).includes("Threshold brush"), "the sheet of keys lists the new ones");
  await shot(page, "keys");
  await page.keyboard.press("Escape");
}

/** A study is sent to another archive, which has then what this one has. */
async function sent(page) {
  const uid = await study("Cine of 24 frames");
  await open(page, uid);
  await marked(page, "wilhelm.image");
  await page.waitForSelector("[data-testid=send] select", { timeout: 20000 });
  check((await page.$eval("[data-testid=send] select", (field) => field.value)) === peer, "the archive that the configuration lists is offered");
  await push(page, "[data-testid=send]", "Send the study");
  check(await shows(page, "[data-testid=send] .state", "done", 60000), "the study is sent, and the page says when it is");
  await shot(page, "send");
  await accessible(page, "sending");
  const there = await (await fetch(`${peer}/studies?StudyInstanceUID=${uid}`, { headers: { Accept: "application/dicom+json" } })).json().catch(() => []);
  check(there.length === 1, `the other archive has it (${there.length})`);
}

try {
  for (const name of ["petct", "ct", "cine"]) await stow(join(samples, name));
  const page = await newPage();
  page.on("dialog", (dialog) => void dialog.accept());
  await fused(page);
  await painted(page);
  await keyImages(page);
  await cine(page);
  await sent(page);
  await page.evaluate(() => localStorage.setItem("wilhelm.language", "zh"));
  await open(page, await study("PET/CT (simulated uptake)"));
  check(await marked(page, "wilhelm.fused"), "the fusion opens in Chinese");
  await pause(2500);
  check((await text(page, "[data-testid=fusion]")).includes("按体重计算的标准摄取值"), "and speaks it");
  await shot(page, "fusion-zh");
  await page.close();
} catch (error) {
  check(false, error.stack);
} finally {
  await end("imaging");
}
