// OHIF, served by the program itself, opens a CT and shows our segmentation; then its first image and ours are timed.
//
//     ohif.mjs PROGRAM SAMPLES --ohif FOLDER [--pictures FOLDER] [--preview]
//
// PROGRAM with the page in it, SAMPLES as for web.mjs, FOLDER what tools/ohif.sh made. Both viewers are opened by the study's
// address in fresh browser contexts, by turns, and the time is that of the first canvas that shows more than one color. Ends with 1 as
// web.mjs does, and where ours takes longer than 1.5 s.

import { existsSync } from "node:fs";
import { join } from "node:path";

import { archive, browser, check, end, http, newPage, pause, samples, shot, stow } from "./page.mjs";

const TIMES = 5;
const FIRST_IMAGE_MS = 1500;

/** In the page: notes when a canvas first shows more than one color. */
const watch = () => {
  const look = () => {
    for (const canvas of document.querySelectorAll("canvas")) {
      if (canvas.width < 200 || canvas.height < 200) continue;
      const copy = new OffscreenCanvas(32, 32).getContext("2d");
      copy.drawImage(canvas, 0, 0, 32, 32);
      const pixels = copy.getImageData(0, 0, 32, 32).data;
      const grays = new Set();
      for (let at = 0; at < pixels.length; at += 4) grays.add(pixels[at]);
      if (grays.size > 12) {
        performance.mark("first.image");
        return;
      }
    }
    setTimeout(look, 15);
  };
  look();
};

async function first(address) {
  const context = await browser.createBrowserContext();
  const page = await context.newPage();
  await page.setViewport({ width: 1280, height: 800 });
  await page.evaluateOnNewDocument(watch);
  await page.goto(address, { waitUntil: "domcontentloaded" });
  await page.waitForFunction(() => performance.getEntriesByName("first.image").length > 0, { timeout: 120000 });
  const time = await page.evaluate(() => performance.getEntriesByName("first.image")[0].startTime);
  await context.close();
  return time;
}

const median = (times) => [...times].sort((one, other) => one - other)[times.length >> 1];
const say = (times) => `${median(times).toFixed(0)} ms (${times.map((time) => time.toFixed(0)).join(", ")})`;
const uid = async (description) => {
  const found = await (await fetch(`${archive}/dicom-web/studies?StudyDescription=${encodeURIComponent(description)}`)).json();
  return found[0]["0020000D"].Value[0];
};
const press = (page, label) =>
  page.evaluate((what) => {
    const button = [...document.querySelectorAll("button")].find((one) => one.textContent.trim().includes(what));
    button?.click();
    return button !== undefined;
  }, label);

try {
  await stow(join(samples, "ct"));
  const segmented = existsSync(join(samples, "earlier"));
  if (segmented) await stow(join(samples, "earlier"));
  const page = await newPage();
  await page.goto(`${http}/ohif/viewer?StudyInstanceUIDs=${await uid(segmented ? "CT of a PET/CT" : "CT abdomen and pelvis")}`);
  const isDrawn = await page
    .waitForFunction(
      () =>
        [...document.querySelectorAll("canvas")].some((canvas) => {
          if (canvas.width < 200) return false;
          const copy = new OffscreenCanvas(32, 32).getContext("2d");
          copy.drawImage(canvas, 0, 0, 32, 32);
          return new Set(copy.getImageData(0, 0, 32, 32).data).size > 12;
        }),
      { timeout: 120000 },
    )
    .then(() => true, () => false);
  check(isDrawn, "OHIF opens a CT of the archive and draws it");
  await pause(4000);
  // Its notice that it is for investigational use alone.
  await press(page, "Confirm");
  await pause(1500);
  // Its tour.
  await press(page, "Skip all");
  await pause(800);
  await shot(page, "ohif");
  if (segmented) {
    const thumbnail = await page.evaluate(() => {
      const found = [...document.querySelectorAll("[data-cy^=study-browser-thumbnail]")].find((one) => one.textContent.includes("SEG"));
      found?.dispatchEvent(new MouseEvent("dblclick", { bubbles: true }));
      return found !== undefined;
    });
    await pause(3000);
    await press(page, "Skip all");
    check(thumbnail, "OHIF lists our segmentation");
    await pause(9000);
    await press(page, "Yes");
    await pause(9000);
    const colored = await page.evaluate(() =>
      Math.max(
        0,
        ...[...document.querySelectorAll("canvas")].map((canvas) => {
          if (canvas.width < 200) return 0;
          const copy = new OffscreenCanvas(canvas.width, canvas.height).getContext("2d");
          copy.drawImage(canvas, 0, 0);
          const pixels = copy.getImageData(0, 0, canvas.width, canvas.height).data;
          let count = 0;
          for (let at = 0; at < pixels.length; at += 4) {
            const [red, green, blue] = pixels.slice(at, at + 3);
            if (Math.max(red, green, blue) - Math.min(red, green, blue) > 24) count += 1;
          }
          return count;
        }),
      ),
    );
    check(colored > 300, `OHIF shows our segmentation over the images (${colored} pixels)`);
    await shot(page, "ohif-segmentation");
  }
  await page.close();
  const study = await uid("CT abdomen and pelvis");
  const [ours, theirs] = [[], []];
  for (let time = 0; time < TIMES; time += 1) {
    ours.push(await first(`${http}/#/study/${study}`));
    theirs.push(await first(`${http}/ohif/viewer?StudyInstanceUIDs=${study}`));
  }
  console.log(`first image of 300 slices, ours: ${say(ours)}`);
  console.log(`first image of 300 slices, OHIF: ${say(theirs)}`);
  check(median(ours) <= FIRST_IMAGE_MS, `our first image comes within ${FIRST_IMAGE_MS} ms`);
} catch (error) {
  check(false, error.stack);
} finally {
  await end("OHIF");
}
