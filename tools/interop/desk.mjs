// A journey through the report desk in headless Chromium, with pictures and axe.
//
//     desk.mjs PROGRAM SAMPLES [--pictures FOLDER] [--preview] [--demo]
//
// PROGRAM and SAMPLES as for web.mjs; with --demo the archive is the program's demonstration, and its own radiograph was
// read before. A radiograph is read into a draft, its evidence shown, a sentence changed while the gate
// looks on, a finding rejected, the change saved against somebody else's, two versions compared, and the report signed and
// found as FHIR. Ends with 1 where a step fails, axe finds something serious, a request leaves this machine, or the page
// breaks its Content-Security-Policy.

import { join } from "node:path";

import { accessible, archive, check, demo, drawn, end, http, newPage, pause, samples, shot, stow } from "./page.mjs";

const text = (page, selector) => page.$eval(selector, (element) => element.textContent);
const shows = (page, selector, wanted, timeout = 15000) =>
  page
    .waitForFunction((where, what) => document.querySelector(where)?.textContent.includes(what), { timeout }, selector, wanted)
    .then(() => true, () => false);

async function press(page, key) {
  await page.keyboard.press(key);
  await pause(300);
}

/** Presses the button of a text within a part of the page. */
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

/** The words of the sentence that is chosen. */
const chosen = (page) => page.$eval(".sentence.selected .words", (element) => element.textContent);

/** Goes by J to the sentence that contains some words. */
async function goTo(page, words) {
  for (let time = 0; time < 40; time += 1) {
    await press(page, "j");
    if ((await chosen(page)).includes(words)) return true;
  }
  return false;
}

const api = async (path, options = {}) => {
  const response = await fetch(`${archive}/api${path}`, {
    ...options,
    headers: { "Content-Type": "application/json", Accept: "application/json", ...options.headers },
  });
  return { status: response.status, etag: response.headers.get("ETag"), body: await response.json().catch(() => undefined) };
};

try {
  for (const name of demo ? ["earlier"] : ["earlier", "xray"]) await stow(join(samples, name));
  const page = await newPage();
  await page.goto(http);
  await page.waitForSelector("tbody tr .state");
  check((await text(page, "h1")) === "Worklist", "the archive keeps a worklist");
  const row = (await api("/worklist?modality=CR")).body.rows[0];
  const line = `tr[data-study="${row.study}"]`;
  if (!demo) check((await text(page, `${line} .state`)) === "not read", "a study that nobody read says so");
  check(/^\d+ min/.test(await text(page, `${line} .date`)), "it says how long it has waited");
  if (!demo) await page.click(`${line} button`);
  check(await shows(page, `${line} .state`, "draft", 90000), "it is read into a draft while the list looks on");
  await pause(1500);
  check((await text(page, `${line} .triage`)).includes("pneumonia"), "its urgency stands there in words");
  await page.hover("h1");
  await pause(300);
  await shot(page, "worklist");
  await accessible(page, "worklist");
  await page.select("form select", "draft");
  const drafts = await page
    .waitForFunction(() => [...document.querySelectorAll("tbody tr .state")].every((one) => one.textContent === "draft"), { timeout: 10000 })
    .then(() => true, () => false);
  check(drafts, "the list is held to drafts");
  await page.select("header select", "zh");
  check((await text(page, "h1")) === "工作列表", "the worklist speaks Chinese");
  await pause(300);
  await shot(page, "worklist-zh");
  await page.select("header select", "en");

  await page.goto(`${http}/#/macros`);
  await page.waitForSelector("main .choices button");
  await push(page, "main", "Add a macro");
  await page.type(".macros li input", "clear");
  await page.type(".macros li textarea", "The lungs are otherwise clear.");
  await push(page, "main", "Save");
  check(await shows(page, "main [role=status]", "Saved."), "a macro is saved");
  await shot(page, "macros");
  await accessible(page, "macros");

  await page.goto(`${http}/#/`);
  await page.waitForSelector(`${line} a.act`);
  await page.click(`${line} a.act`);
  await page.waitForFunction(() => performance.getEntriesByName("wilhelm.image").length > 0, { timeout: 60000 });
  await page.waitForSelector(".sentence .words");
  await pause(1500);
  check((await drawn(page)) > 20, "the radiograph is drawn beside its report");
  check((await text(page, "[data-testid=state]")) === "draft", "the report is a draft");
  const report = page.url().split("/").at(-1);

  check(await goTo(page, "probability"), "J goes from sentence to sentence");
  check(await shows(page, ".tab-panel", "Model"), "a sentence shows the evidence that bears it");
  check(await shows(page, ".tab-panel", "interval"), "a model's probability has its interval");
  check((await page.waitForSelector("[data-testid=layer] img", { timeout: 10000 }).then(() => 1, () => 0)) === 1, "the overlay lies over the image");
  await pause(800);
  const fits = await page.evaluate(() => {
    const [over, pane] = ["[data-testid=layer] img", ".pane canvas"].map((one) => document.querySelector(one).getBoundingClientRect());
    return over.width > 100 && Math.min(Math.abs(over.height - pane.height), Math.abs(over.width - pane.width)) < 3;
  });
  check(fits, "it has the size of the image");
  await shot(page, "desk");
  await accessible(page, "desk");
  await page.setViewport({ width: 1000, height: 800 });
  await pause(800);
  const wide = await page.evaluate(() => document.documentElement.scrollWidth);
  check(wide <= 1000, `the desk fits 1000 pixels (${wide})`);
  await shot(page, "desk-narrow");
  await page.setViewport({ width: 1280, height: 800 });
  await pause(500);
  await press(page, "o");
  check((await page.$("[data-testid=layer] img")) === null, "O takes the overlay away");
  await press(page, "o");
  await page.keyboard.press("?");
  await page.waitForSelector("dialog[open]");
  await shot(page, "desk-keys");
  await accessible(page, "desk's sheet of keys");
  await press(page, "Escape");
  check((await page.$("dialog[open]")) === null && page.url().includes("report"), "Escape closes the sheet and not the report");
  check((await page.evaluate(() => document.activeElement.className)) === "words", "the focus is back on the sentence");

  const sentence = await page.$eval(".sentence.selected", (element) => element.dataset.sentence);
  await press(page, "Enter");
  await page.waitForSelector(".editor textarea");
  await page.click(".editor textarea", { count: 3 });
  await page.type(".editor textarea", "There is no pneumonia.");
  check((await page.waitForSelector(".mirror .problem", { timeout: 15000 }).then(() => 1, () => 0)) === 1, "a contradiction is underlined while it is typed");
  check(await shows(page, "[data-testid=verdict]", "contradiction"), "and said in words");
  await shot(page, "desk-check");
  await accessible(page, "editor");
  await page.type(".editor textarea", " .clear");
  await press(page, "Tab");
  check((await page.$eval(".editor textarea", (field) => field.value)).endsWith("The lungs are otherwise clear."), "Tab inserts a macro");
  await press(page, "Enter");
  check(await shows(page, ".desk-head .primary", "Save 1 change"), "the change waits to be saved");

  await press(page, "x");
  await page.waitForSelector("[data-testid=speaking]", { timeout: 10000 });
  check(await shows(page, ".sentence.selected .decision", "rejected"), "X rejects the sentence's finding");
  const decided = await api(`/reports/${report}`);
  check(Object.values(decided.body.decisions).some(({ decision }) => decision === "rejected"), "the archive holds the decision");
  await push(page, "[data-testid=speaking]", "Keep them");

  // Somebody else rewords the same sentence first.
  const theirs = await api(`/reports/${report}/edits`, {
    method: "POST",
    headers: { "If-Match": decided.etag },
    body: JSON.stringify({ edits: [{ sentence, text: "Pneumonia cannot be excluded." }], add: [], reason: null }),
  });
  check(theirs.status === 200, `somebody else saves first (${theirs.status})`);
  await pause(1500);
  if ((await page.$("dialog[open]")) === null) await page.keyboard.down("Control"), await page.keyboard.press("s"), await page.keyboard.up("Control");
  await page.waitForSelector("dialog[open] [data-testid=both] li", { timeout: 15000 });
  const dialog = await text(page, "dialog[open]");
  check(dialog.includes("cannot be excluded") && dialog.includes("There is"), "both wordings are shown to choose between");
  await shot(page, "desk-conflict");
  await accessible(page, "conflict");
  await push(page, "dialog[open]", "Apply my changes");
  check(await shows(page, "[data-testid=version]", "version 2"), "the other's version is the base now");
  await page.keyboard.down("Control");
  await page.keyboard.press("s");
  await page.keyboard.up("Control");
  check(await shows(page, "[data-testid=version]", "version 3"), "the change is saved on top of it");
  const saved = (await api(`/reports/${report}`)).body;
  const words = saved.report.sections.flatMap(({ sentences }) => sentences).find(({ id }) => id === sentence)?.text;
  check(words === "There is no pneumonia. The lungs are otherwise clear.", "the archive holds my words");
  check(await shows(page, `[data-sentence="${sentence}"] .author`, "", 1000) && (await page.$(`[data-sentence="${sentence}"] .author.person`)) !== null, "the sentence is a person's now");

  await push(page, ".tab-list", "Versions");
  await push(page, ".tab-panel", "Compare");
  await page.waitForSelector("[data-testid=changes] ins", { timeout: 10000 });
  check((await page.$("[data-testid=changes] del")) !== null, "two versions are compared word by word");
  await shot(page, "desk-compare");
  await accessible(page, "comparison");
  await press(page, "Escape");

  // What still speaks of the rejected finding keeps the report from being final, until it is taken out.
  const asFinal = async () => {
    await push(page, ".desk-head", "Sign");
    await page.waitForSelector("dialog[open]");
    await page.click("dialog[open] label:nth-of-type(2) input");
    await pause(300);
  };
  await asFinal();
  await push(page, "dialog[open]", "Sign as final");
  check(await shows(page, "[role=alert]", "reject"), "a report that speaks of what was rejected is not signed as final");
  if ((await page.$("dialog[open]")) !== null) await press(page, "Escape");
  const speaking = saved.report.sections.flatMap(({ sentences }) => sentences).filter(({ findings }) => findings.length > 0);
  for (const { id } of speaking) {
    await page.click(`[data-sentence="${id}"] .words`);
    await pause(200);
    await push(page, `[data-sentence="${id}"]`, "Remove");
  }
  await page.keyboard.down("Control");
  await page.keyboard.press("s");
  await page.keyboard.up("Control");
  check(await shows(page, "[data-testid=version]", "version 4"), "they are taken out");
  await asFinal();
  check((await text(page, "dialog[open]")).includes("cannot be undone"), "signing says what it will do");
  await shot(page, "desk-sign");
  await accessible(page, "signing");
  await push(page, "dialog[open]", "Sign as final");
  check(await shows(page, "[data-testid=state]", "final"), "the report is final");
  await push(page, ".desk-head", "Addendum");
  await page.type("dialog[open] textarea", "Discussed by telephone.");
  await page.type("dialog[open] label:nth-of-type(2) textarea", "call");
  await push(page, "dialog[open] form", "Addendum");
  check(await shows(page, "[data-testid=state]", "with addendum"), "an addendum stands below it");
  await pause(500);
  await shot(page, "desk-signed");
  const fhir = await fetch(`${archive}/fhir/DiagnosticReport/${report}`, { headers: { Accept: "application/fhir+json" } });
  const resource = await fhir.json();
  check(resource.resourceType === "DiagnosticReport" && ["final", "amended", "appended"].includes(resource.status), `it is a FHIR DiagnosticReport (${resource.status ?? fhir.status})`);
  for (const form of ["html", "pdf", "text", "json", "fhir", "hl7", "sr", "encapsulated-pdf"]) {
    const answer = await fetch(`${archive}/api/reports/${report}/forms/${form}`);
    check(answer.ok, `the report leaves as ${form} (${answer.status})`);
  }

  await page.goto(`${http}/#/jobs`);
  await page.waitForSelector("main h1");
  if (!demo) {
    await page.waitForSelector("[data-testid=jobs] tbody tr", { timeout: 10000 });
    check((await text(page, "[data-testid=jobs]")).includes("done"), "the queue says what was done");
  }
  await pause(500);
  await shot(page, "jobs");
  await accessible(page, "queue");
  await page.goto(`${http}/#/decisions`);
  await page.waitForSelector("[data-testid=decisions] svg", { timeout: 10000 });
  check((await text(page, "[data-testid=decisions]")).includes("pneumonia"), "decisions are counted");
  await pause(500);
  await shot(page, "decisions");
  await accessible(page, "decisions");
  await page.close();
} catch (error) {
  check(false, error.stack);
} finally {
  await end("the desk");
}
