// A journey through a consultation in headless Chromium: host and guest in a browser context each, with pictures and axe.
//
//     consult.mjs PROGRAM SAMPLES [--pictures FOLDER] [--preview]
//
// PROGRAM and SAMPLES as for web.mjs, of which `ct` is used. The host invites, the guest opens the link and gives a name, each
// sees the other's pointer, a note is written and heard, the guest follows the host, gives a second opinion, and the host ends it.
// Ends with 1 as web.mjs does, or where the link's secret stands in a request's address.

import { join } from "node:path";

process.env.WILHELM_JOURNEY_ACCOUNTS = JSON.stringify({ radiologist: "radiologist", technologist: "technologist" });
const { accessible, check, end, http, ownPage, pause, samples, settle, shot, signIn, storeFrom } = await import("./page.mjs");

const text = (page, selector) => page.$eval(selector, (element) => element.textContent);
const shows = (page, selector, wanted, timeout = 30000) =>
  page
    .waitForFunction((where, what) => document.querySelector(where)?.textContent.includes(what), { timeout }, selector, wanted)
    .then(() => true, () => false);

/** A page of a context of its own, whose requests are looked through for the link's secret. */
async function contextPage() {
  const page = await ownPage();
  page.on("request", (request) => {
    // What follows the sign # is not sent.
    if (request.url().split("#")[0].includes("wilhelm_invitation") || (request.headers().referer ?? "").includes("invitation")) {
      check(false, "the link's secret stands in a request's address");
    }
  });
  return page;
}

async function push(page, within, label) {
  const done = await page.evaluate(
    (where, what) => {
      const button = [...document.querySelectorAll(`${where} button`)].find((one) => one.textContent.trim().startsWith(what));
      button?.click();
      return button !== undefined;
    },
    within,
    label,
  );
  if (!done) check(false, `there is a button ${label}`);
  await pause(300);
}

/** Moves the pointer over the image of a page. */
async function point(page, x, y) {
  const box = await (await page.$(".pane .image")).boundingBox();
  await page.mouse.move(box.x + box.width * x, box.y + box.height * y, { steps: 3 });
  await pause(600);
}

const image = (page) => page.waitForFunction(() => performance.getEntriesByName("wilhelm.image").length > 0, { timeout: 90000 });

try {
  const host = await contextPage();
  await host.goto(http);
  for (const name of ["radiologist", "technologist"]) settle(name);
  await signIn(host, "technologist");
  await host.waitForSelector("header.top");
  await storeFrom(host, join(samples, "ct"), 40);
  await push(host, "header.top", "Sign out");
  await signIn(host, "radiologist");
  await host.waitForSelector("header.top");
  const study = await host.evaluate(() =>
    fetch("/dicom-web/studies", { headers: { Accept: "application/dicom+json" } })
      .then((response) => response.json())
      .then((found) => found[0]["0020000D"].Value[0]),
  );
  await host.goto(`${http}/#/study/${study}`);
  await image(host);
  await host.waitForSelector("[data-testid=consultations] button");
  await push(host, "[data-testid=consultations]", "Ask a colleague");
  await host.type("dialog textarea", "Is the nail in the left femur loose?");
  await pause(300);
  await shot(host, "consult-invite");
  await accessible(host, "dialog that invites");
  await push(host, "dialog", "Make the link");
  await host.waitForSelector("[data-testid=link]");
  const link = await host.$eval("[data-testid=link]", (input) => input.value);
  check(link.startsWith(`${http}/#/consult/wilhelm_invitation_`), "the link is shown once, its secret behind the sign #");
  await push(host, "dialog", "Close");
  await host.waitForSelector("[data-testid=consultations] li a");
  await host.click("[data-testid=consultations] li a");
  await host.waitForSelector("[data-testid=thread]");

  const guest = await contextPage();
  await guest.goto(link);
  await guest.waitForSelector("[data-testid=landing] input");
  check(!(await guest.evaluate(() => window.location.href)).includes("invitation"), "the secret leaves the address at once");
  await shot(guest, "consult-landing");
  await accessible(guest, "landing page");
  await guest.type("[data-testid=landing] input", "Dr Li");
  await guest.click("[data-testid=landing] button");
  await image(guest);
  check(await shows(guest, "[data-testid=thread] .question", "femur loose?"), "the guest reads the question beside the image");
  check((await guest.$("header.bar a")) === null, "there is no way to other studies");
  const refused = await guest.evaluate(() => fetch("/dicom-web/studies").then((response) => response.status));
  check(refused === 403, `other studies are refused (${refused})`);
  check(await shows(host, "[data-testid=people]", "Dr Li"), "the host sees who came");

  await point(guest, 0.4, 0.5);
  await point(guest, 0.45, 0.55);
  const seen = await host.waitForSelector("[data-testid=pointer]", { timeout: 20000 }).then(() => true, () => false);
  check(seen, "the guest's pointer is drawn over the host's image");
  await point(host, 0.6, 0.4);
  check(await guest.waitForSelector("[data-testid=pointer]", { timeout: 20000 }).then(() => true, () => false), "and the host's over the guest's");

  await push(guest, "[data-testid=people]", "Follow");
  const before = await text(guest, "[data-testid=slice]");
  await host.focus(".pane .image");
  for (let step = 0; step < 5; step += 1) await host.keyboard.press("ArrowDown");
  await host.keyboard.press("2");
  await pause(1500);
  check((await text(guest, "[data-testid=slice]")) === (await text(host, "[data-testid=slice]")), "the guest follows the host's image");
  check((await text(guest, "[data-testid=slice]")) !== before, "it is another one than before");
  check((await text(guest, "[data-testid=window]")) === (await text(host, "[data-testid=window]")), "and the host's window");

  const box = await (await host.$(".pane .image")).boundingBox();
  await host.mouse.click(box.x + box.width * 0.83, box.y + box.height * 0.62);
  await host.type("[data-testid=thread] form textarea", "This is its upper end.");
  await push(host, "[data-testid=thread] form", "Write");
  check(await shows(guest, "[data-testid=notes]", "its upper end"), "the guest hears of the note");
  await guest.click("[data-testid=notes] button");
  check(await guest.waitForSelector("[data-testid=mark]", { timeout: 10000 }).then(() => true, () => false), "and sees what it points at");
  await point(guest, 0.8, 0.55);
  await pause(800);
  await shot(host, "consult");
  await accessible(host, "viewer in a consultation");
  await guest.type("[data-testid=opinion-form] textarea", "No lucent rim around the nail on these images. Radiographs in two planes would say more.");
  await push(guest, "[data-testid=opinion-form]", "Record the opinion");
  check(await shows(guest, "[data-testid=opinion-form] [role=status]", "recorded"), "the second opinion is recorded");
  check(await shows(host, "[data-testid=opinions]", "lucent rim"), "the host reads it");
  await shot(guest, "consult-guest");
  await accessible(guest, "guest's viewer");
  const opinions = await host.evaluate((uid) => fetch(`/api/studies/${uid}/opinions`).then((response) => response.json()), study);
  check(opinions.opinions[0].in_study, "it lies in the study as an object");

  await host.goto(`${http}/#/consultations`);
  await host.waitForSelector("tbody tr button");
  await shot(host, "consultations");
  await accessible(host, "list of consultations");
  await push(host, "tbody tr", "End it");
  check(await shows(guest, "[data-testid=thread] [role=alert]", "is over"), "the guest is told that it is over");
  const over = await guest.evaluate(() => fetch("/api/session").then((response) => response.status));
  check(over === 401, `and is let in no more (${over})`);
} catch (error) {
  check(false, `the journey broke off: ${error.stack}`);
}
await end("the journey through a consultation");
