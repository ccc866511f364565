// A journey through annotation in headless Chromium: who makes projects and decides, and two annotators, with pictures and axe.
//
//     annotate.mjs PROGRAM SAMPLES [--pictures FOLDER] [--preview] [--keep FOLDER]
//
// PROGRAM is `wilhelm`, SAMPLES as for web.mjs, of which `ultrasound` is used. Ada makes a project of labels and one of outlines; Jane
// and Li answer in a browser context each, by keys and by the pointer, and differ on known items; the agreement that the page shows
// is held against the arithmetic done here; Ada takes an answer, gives one of her own, and leaves an item out. The training sets
// that the page gives are held against `wilhelm annotations export`, `wilhelm store check` looks at every answer, and `wilhelm train`
// takes both folders. With --keep they are copied there. Ends with 1 as web.mjs does.

import { spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

process.env.WILHELM_JOURNEY_ACCOUNTS = JSON.stringify({ ada: "researcher", jane: "radiologist", li: "radiologist", tim: "technologist" });
const journey = await import("./page.mjs");
const { accessible, begun, check, close, drawn, end, folder, http, keep, ownPage, pause, PASSWORD } = journey;
const { run, samples, settle, shot, signIn, store, storeFrom } = journey;

const LABELS = ["benign", "malignant"];
/** Items that each answers otherwise than the data set says; Jane skips the last. */
const OTHERWISE = { jane: [3, 9], li: [5, 9, 14, 20] };
const ITEMS = 24;
const OUTLINED = 8;

const text = (page, selector) => page.$eval(selector, (element) => element.textContent).catch(() => "");
const shows = (page, selector, wanted, timeout = 20000) =>
  page
    .waitForFunction((where, what) => document.querySelector(where)?.textContent.includes(what), { timeout }, selector, wanted)
    .then(() => true, () => false);

async function push(page, within, label) {
  const done = await page.evaluate(
    (where, what) => {
      const named = (one) => (one.getAttribute("aria-label") ?? one.textContent).trim();
      const found = [...document.querySelectorAll(`${where} :is(button, a)`)].find((one) => named(one).startsWith(what));
      found?.click();
      return found !== undefined;
    },
    within,
    label,
  );
  if (!done) check(false, `there is a button ${label}`);
  await pause(300);
}

const api = (page, path) => page.evaluate((where) => fetch(`/api/annotations${where}`).then((answer) => answer.json()), path);

/** Fills the form of a new project; fields by their names. */
async function make(page, fields) {
  await push(page, "main", "New project");
  await page.waitForSelector("form.make");
  if (fields.kind) await page.select("form.make label:nth-of-type(2) select", fields.kind);
  for (const [name, value] of Object.entries(fields)) {
    const place = `form.make [name=${name}]`;
    if (name === "kind") continue;
    if (name === "modality" || name === "level") await page.select(place, value);
    else await page.type(place, value);
  }
}

/** Waits until an item is shown and drawn. */
async function itemOf(page, number) {
  const is = (wanted) => {
    const form = document.querySelector("aside form");
    return form !== null && document.querySelector("[data-testid=slice]") !== null && document.querySelector(".corner.top-left")?.textContent === wanted;
  };
  await page.waitForFunction(is, { timeout: 30000 }, `Item ${number}`);
}

/** Which of the data set's labels each item has, by its pixels: nothing else says so where a project is blinded. */
async function truths(page, project) {
  const place = join(samples, "ultrasound");
  const files = readdirSync(place).map((name) => ({ label: name.slice(3, -4), pixels: readFileSync(join(place, name)).subarray(-65536).toString("base64") }));
  const found = {};
  for (let item = 1; item <= ITEMS; item += 1) {
    const bytes = await page.evaluate(async (address) => {
      const answer = new Uint8Array(await (await fetch(address, { headers: { Accept: 'multipart/related; type="application/octet-stream"' } })).arrayBuffer());
      return btoa(Array.from(answer, (one) => String.fromCharCode(one)).join(""));
    }, `/api/annotations/${project}/items/${item}/images/1/frames/1`);
    const frame = Buffer.from(bytes, "base64");
    found[item] = files.find(({ pixels }) => frame.includes(Buffer.from(pixels, "base64")))?.label;
  }
  return found;
}

const other = (label) => LABELS.find((one) => one !== label);

/** Cohen's kappa of pairs of labels, by its definition. */
function cohen(pairs) {
  const share = (holds) => pairs.filter(holds).length / pairs.length;
  const same = share(([one, two]) => one === two);
  const chance = LABELS.reduce((sum, label) => sum + share(([one]) => one === label) * share(([, two]) => two === label), 0);
  return (same - chance) / (1 - chance);
}

/** The pixels whose centers lie within a closed line. */
function within(points) {
  const found = new Set();
  for (let row = 0; row < 256; row += 1) {
    for (let column = 0; column < 256; column += 1) {
      let inside = false;
      points.forEach(([x, y], at) => {
        const [px, py] = points[(at + points.length - 1) % points.length];
        if (y > row !== py > row && column < ((px - x) * (row - y)) / (py - y) + x) inside = !inside;
      });
      if (inside) found.add(row * 256 + column);
    }
  }
  return found;
}

function dice(one, two) {
  if (one.size + two.size === 0) return 1;
  return (2 * [...one].filter((pixel) => two.has(pixel)).length) / (one.size + two.size);
}

/** Draws an ellipse around the middle of the image, in shares of its height. */
async function outline(page, [x, y], [wide, high]) {
  const box = await (await page.$("[data-testid=outlines]")).boundingBox();
  const side = Math.min(box.width, box.height);
  const at = (angle) => [box.x + box.width / 2 + side * (x + wide * Math.cos(angle)), box.y + box.height / 2 + side * (y + high * Math.sin(angle))];
  await page.mouse.move(...at(0));
  await page.mouse.down();
  for (let step = 1; step < 40; step += 1) await page.mouse.move(...at((step / 40) * 2 * Math.PI));
  await page.mouse.up();
  await pause(200);
}

async function label(page, name, truth, project) {
  await page.goto(`${http}/#/annotations`);
  await page.waitForSelector("[data-testid=projects] article");
  await push(page, '[data-testid=projects] article[aria-label="Breast lesions"]', "Annotate");
  await itemOf(page, 1);
  await pause(700);
  check((await drawn(page)) > 20, `${name} sees the first image`);
  if (name === "jane") {
    check((await page.$$eval("aside a", (all) => all.map((one) => one.textContent))).every((one) => !one.includes("study")), "there is no link to the study where the project is blinded");
    const said = await page.evaluate(() => document.body.textContent);
    check(!/Sample|WIL-2|A-20|2024/.test(said), "no name, number or date is on the page");
    const headers = JSON.stringify(await api(page, `/${project}/items/1/images`));
    check(!/Sample|WIL-2|A-20|20240214|20240215/.test(headers), "nor in the headers");
    await shot(page, "annotate-labels");
    await accessible(page, "item to label");
    await page.keyboard.press("Enter");
    check(await shows(page, "aside [role=alert]", "Choose a label first"), "Enter without a label says what is missing");
    const others = await page.evaluate((address) => fetch(address).then((answer) => answer.status), `/api/annotations/${project}/items/1/answers`);
    check(others === 403, `what others said is refused (${others})`);
  } else {
    const seen = JSON.stringify(await api(page, `/${project}/items/1`));
    check(!seen.includes("jane") && !seen.includes('"labels":'), `${name} sees no answer of Jane's before her own`);
  }
  for (let item = 1; item <= ITEMS; item += 1) {
    await itemOf(page, item);
    if (name === "jane" && item === ITEMS) {
      await page.keyboard.press("u");
      await page.waitForSelector("form.skip input");
      await page.type("form.skip input", "no lesion in view");
      await shot(page, "annotate-skip");
      await accessible(page, "form that skips");
      await page.keyboard.press("Enter");
      continue;
    }
    const chosen = OTHERWISE[name].includes(item) ? other(truth[item]) : truth[item];
    const number = LABELS.indexOf(chosen);
    // By key, and now and then by the pointer.
    if (item % 5 === 0) await (await page.$$("[data-testid=labels] input"))[number].click();
    else await page.keyboard.press(String(number + 1));
    await page.waitForSelector(`[data-testid=labels] label:nth-of-type(${number + 1}) input:checked`);
    if (item === 7 && name === "li") await page.type("aside textarea", "Shadow behind it.");
    if (item === 7 && name === "li") await push(page, "aside form", "Save and go on");
    else await page.keyboard.press("Enter");
    if (item < ITEMS) await itemOf(page, item + 1);
  }
  check(await shows(page, "aside [role=status]", "All your items are done."), `${name} is told that all is done`);
  check(await shows(page, "[data-testid=progress]", `${ITEMS} of ${ITEMS} done`), "and how many that were");
}

/** Where each outlines what, in shares of the image's height; Jane finds nothing in the last. */
const LINES = {
  // Those of the first two lie where their lesions do.
  jane: (item) => [[[0.057, -0.188], [0.05, 0.035]], [[0.03, -0.02], [0.33, 0.17]]][item - 1] ?? (item === OUTLINED ? undefined : [[0, 0], [0.2, 0.14]]),
  li: (item) => [[[0.06, -0.185], [0.043, 0.031]], [[0.0, -0.03], [0.24, 0.14]]][item - 1] ?? [[0.02, 0], [0.2, item === 5 ? 0.05 : 0.15]],
};

async function draw(page, name, project) {
  await page.goto(`${http}/#/annotations`);
  await page.waitForSelector("[data-testid=projects] article");
  await push(page, '[data-testid=projects] article[aria-label="Outlines of lesions"]', "Annotate");
  for (let item = 1; item <= OUTLINED; item += 1) {
    await itemOf(page, item);
    await page.waitForSelector("[data-testid=outlines]");
    await pause(400);
    const line = LINES[name](item);
    if (line) await outline(page, ...line);
    if (line) await page.waitForFunction(() => document.querySelectorAll("[data-testid=structures] .lines li").length === 1, { timeout: 10000 });
    if (item === 1 && name === "jane") {
      await outline(page, [0.3, 0.3], [0.05, 0.05]);
      check((await page.$$("[data-testid=structures] .lines li")).length === 2, "a second line is listed");
      await shot(page, "annotate-outline");
      await accessible(page, "item to outline");
      await page.keyboard.press("Backspace");
      await pause(300);
      check((await page.$$("[data-testid=structures] .lines li")).length === 1, "Backspace removes the last line");
      const before = await text(page, "[data-testid=window]");
      await page.keyboard.press("d");
      await pause(300);
      const box = await (await page.$("[data-testid=outlines]")).boundingBox();
      await page.mouse.move(box.x + box.width / 2, box.y + box.height / 2);
      await page.mouse.down();
      await page.mouse.move(box.x + box.width / 2 + 80, box.y + box.height / 2 + 30, { steps: 6 });
      await page.mouse.up();
      await pause(400);
      check((await text(page, "[data-testid=window]")) !== before, "D gives the pointer back: dragging changes the window");
      check((await page.$$("[data-testid=structures] .lines li")).length === 1, "and draws nothing");
      await page.keyboard.press("d");
    }
    await page.keyboard.press("Enter");
    if (item < OUTLINED) await itemOf(page, item + 1);
  }
  check(await shows(page, "aside [role=status]", "All your items are done."), `${name} has outlined all`);
  const first = (await api(page, `/${project}/items/1`)).answer.answer.outlines[0].contours[0];
  const middle = [0, 1].map((axis) => (Math.max(...first.map((point) => point[axis])) + Math.min(...first.map((point) => point[axis]))) / 2);
  const wanted = LINES[name](1)[0].map((share) => 127.5 + share * 256);
  check(middle.every((value, axis) => Math.abs(value - wanted[axis]) < 1), `the line lies where it was drawn (${middle.map((value) => value.toFixed(1)).join(", ")})`);
}

/** Clicks a link that the browser saves; gives what is in the archive that came. */
async function taken(page, within, label, name) {
  const into = join(folder, name);
  mkdirSync(into);
  const session = await page.createCDPSession();
  await session.send("Page.setDownloadBehavior", { behavior: "allow", downloadPath: into });
  await push(page, within, label);
  for (let time = 0; time < 100 && !readdirSync(into).some((one) => one.endsWith(".zip")); time += 1) await pause(200);
  const zip = readdirSync(into).find((one) => one.endsWith(".zip"));
  check(zip !== undefined, `the page gives ${zip}`);
  if (zip) spawnSync("python3", ["-m", "zipfile", "-e", join(into, zip), join(into, "set")]);
  return join(into, "set");
}

/** How many pixels of a mask of the training set are not 0. */
const count = (page, path) =>
  page.evaluate(async (bytes) => {
    const blob = new Blob([Uint8Array.from(atob(bytes), (one) => one.charCodeAt(0))], { type: "image/png" });
    const image = await createImageBitmap(blob);
    const copy = new OffscreenCanvas(image.width, image.height).getContext("2d");
    copy.drawImage(image, 0, 0);
    const pixels = copy.getImageData(0, 0, image.width, image.height).data;
    return Array.from({ length: image.width * image.height }, (_, at) => pixels[at * 4]).filter((value) => value > 0).length;
  }, readFileSync(path).toString("base64"));

const rows = (path) => {
  const [head, ...lines] = readFileSync(path, "utf8").trim().split("\n").map((line) => line.split(","));
  return lines.map((line) => Object.fromEntries(head.map((name, at) => [name, line[at]])));
};

/** Every file of a folder with its bytes, to compare two of them. */
const files = (place) =>
  Object.fromEntries(
    readdirSync(place, { recursive: true, withFileTypes: true })
      .filter((one) => one.isFile())
      .map((one) => [join(one.parentPath, one.name).slice(place.length + 1), readFileSync(join(one.parentPath, one.name))])
      // When it was written is in it.
      .map(([name, bytes]) => [name, name === "SOURCE.md" ? bytes.toString().replace(/written \S+/, "") : bytes.toString("base64")]),
  );

try {
  for (const name of ["jane", "li", "tim"]) settle(name);
  const tim = await ownPage();
  await tim.goto(http);
  await signIn(tim, "tim");
  await tim.waitForSelector("header.top");
  await storeFrom(tim, join(samples, "ultrasound"));
  await tim.close();

  const ada = await ownPage();
  await ada.goto(http);
  await signIn(ada, "ada", begun.ada);
  await ada.waitForSelector("input[autocomplete=new-password]");
  await accessible(ada, "change of a password");
  const fields = await ada.$$("input[type=password]");
  for (const [at, value] of [begun.ada, PASSWORD, PASSWORD].entries()) await fields[at].type(value);
  await shot(ada, "annotate-password");
  await ada.click("button[type=submit]");
  await ada.waitForSelector("header.top");
  check(true, "who signs in with the password that was made for them chooses their own");
  await pause(1500);
  await shot(ada, "annotate-home");
  await accessible(ada, "page that a researcher sees first");
  await ada.goto(`${http}/#/annotations`);
  await ada.waitForSelector("main button");
  await make(ada, {
    title: "Breast lesions",
    labels: "Benign, Malignant",
    instructions: "Which does the lesion look like? Skip images that show none.",
    modality: "US",
    annotators: "jane, li",
    adjudicators: "ada",
  });
  await shot(ada, "annotate-make");
  await accessible(ada, "form of a project");
  await push(ada, "form.make", "Make it");
  check(await shows(ada, "main [role=status]", `Breast lesions: ${ITEMS} items.`), "a search makes the items of a project");
  await make(ada, { kind: "outline", title: "Outlines of lesions", labels: "Lesion", modality: "US", date: "20240214", annotators: "jane, li", adjudicators: "ada" });
  await push(ada, "form.make", "Make it");
  check(await shows(ada, "main [role=status]", `Outlines of lesions: ${OUTLINED} items.`), "and one of outlines, of a day's images");
  await make(ada, { title: "Of nobody", labels: "One, Two", annotators: "nobody" });
  await push(ada, "form.make", "Make it");
  await pause(500);
  check((await text(ada, "form.make [role=alert]")) !== "", `an account that is none is refused in words: ${await text(ada, "form.make [role=alert]")}`);
  await push(ada, "main", "New project");
  const { projects } = await api(ada, "");
  const [labels, outlines] = ["Breast lesions", "Outlines of lesions"].map((title) => projects.find((one) => one.title === title).id);

  const people = {};
  for (const name of ["jane", "li"]) {
    const page = await ownPage();
    await page.goto(http);
    await signIn(page, name);
    await page.waitForSelector("header.top");
    people[name] = page;
  }
  const truth = await truths(people.jane, labels);
  check(Object.values(truth).filter((one) => one === "benign").length === 12, "each item has the pixels of one image of the data set");
  await label(people.jane, "jane", truth, labels);
  await ada.reload();
  await ada.waitForSelector("[data-testid=projects] article");
  check(await shows(ada, '[data-testid=projects] article[aria-label="Breast lesions"] .people', "24/24 (1 skipped)"), "the list says how far people are");
  await shot(ada, "annotate-projects");
  await accessible(ada, "list of projects");
  await label(people.li, "li", truth, labels);
  for (const name of ["jane", "li"]) await draw(people[name], name, outlines);

  // The agreement, by the page and by hand.
  const answered = Array.from({ length: ITEMS - 1 }, (_, at) => at + 1);
  const pairs = answered.map((item) => ["jane", "li"].map((name) => (OTHERWISE[name].includes(item) ? other(truth[item]) : truth[item])));
  await ada.goto(`${http}/#/annotations/${labels}/agreement`);
  const kappa = cohen(pairs).toFixed(2);
  check(await shows(ada, "[data-testid=pair] figcaption", `Cohen's kappa ${kappa}`), `the page's kappa is that of the definition (${kappa})`);
  check((await text(ada, "[data-testid=pair] figcaption")).includes(`of ${pairs.length} items`), `over the ${pairs.length} items that both answered`);
  const cells = await ada.$$eval("[data-testid=confusion] text.count", (all) => all.map((one) => Number(one.textContent)));
  const wanted = LABELS.flatMap((one) => LABELS.map((two) => pairs.filter(([mine, theirs]) => mine === one && theirs === two).length));
  check(JSON.stringify(cells) === JSON.stringify(wanted), `the table of who chose what is right (${cells.join(", ")})`);
  const apart = [3, 5, 14, 20];
  const listed = await ada.$$eval("[data-testid=apart] li a", (all) => all.map((one) => Number(one.textContent.split(" ")[1])));
  check(JSON.stringify(listed.sort((one, two) => one - two)) === JSON.stringify(apart), `the items on which they differ are listed (${listed.join(", ")})`);
  check((await ada.$$eval("[data-testid=skipped] li a", (all) => all.map((one) => one.textContent))).join() === "Item 24", "so is what one skipped and the other answered");
  await shot(ada, "annotate-agreement");
  await accessible(ada, "agreement");

  await push(ada, "main", "Decide");
  await itemOf(ada, 3);
  await pause(700);
  check((await text(ada, "[data-testid=progress]")).includes("5 of"), "four items and the one that was skipped wait to be decided");
  const said = await text(ada, "[data-testid=said]");
  check(said.includes("jane") && said.includes("li") && said.includes("Benign") && said.includes("Malignant"), "who decides sees what both said");
  await shot(ada, "annotate-decide");
  await accessible(ada, "items to decide");
  await push(ada, "[data-testid=said]", "Take the answer of li");
  await itemOf(ada, 5);
  const own = truth[5];
  await ada.keyboard.press(String(LABELS.indexOf(own) + 1));
  await ada.keyboard.press("Enter");
  await itemOf(ada, 14);
  await ada.keyboard.press("u");
  await ada.waitForSelector("form.skip input");
  await ada.type("form.skip input", "two lesions");
  await ada.keyboard.press("Enter");
  await itemOf(ada, 20);
  await push(ada, "[data-testid=said]", "Take the answer of jane");
  await itemOf(ada, 24);
  check((await text(ada, "[data-testid=said]")).includes("skipped: no lesion in view"), "who decides sees why it was skipped");
  await push(ada, "[data-testid=said]", "Take the answer of li");
  check(await shows(ada, "aside [role=status]", "Every item on which people differ, or that one of them skipped, is decided."), "all five are decided");
  check((await text(ada, "[data-testid=final]")).includes("taken from li"), "and what was decided says whose it was");

  // Outlines: the overlap of the page is that of the pixels.
  const overlaps = [];
  for (let item = 1; item <= OUTLINED; item += 1) {
    const { answers } = await api(ada, `/${outlines}/items/${item}/answers`);
    const masks = answers.map(({ answer }) => (answer.answer.outlines[0] ? within(answer.answer.outlines[0].contours[0]) : new Set()));
    overlaps.push({ item, dice: dice(...masks), sizes: masks.map((mask) => mask.size) });
  }
  await ada.goto(`${http}/#/annotations/${outlines}/agreement`);
  await ada.waitForSelector("[data-testid=overlap] tbody tr");
  const mean = overlaps.reduce((sum, one) => sum + one.dice, 0) / OUTLINED;
  const row = await text(ada, "[data-testid=overlap] tbody tr");
  check(row.includes(mean.toFixed(3)), `the page's mean Dice is that of the pixels (${mean.toFixed(3)})`);
  await shot(ada, "annotate-overlap");
  await accessible(ada, "agreement of outlines");
  await push(ada, "main", "Decide");
  const order = [...overlaps].sort((one, two) => one.dice - two.dice).map(({ item }) => item);
  await itemOf(ada, order[0]);
  check(true, `the item on which they agree least comes first (${order[0]})`);
  await ada.goto(`${http}/#/annotations/${outlines}/decide/2`);
  await itemOf(ada, 2);
  await ada.waitForSelector("[data-testid=outlines] path.dashed");
  await pause(700);
  check((await ada.$$("[data-testid=outlines] path.dashed")).length === 2, "both outlines lie over the image");
  await shot(ada, "annotate-decide-outline");
  await accessible(ada, "outlines to decide");
  await ada.click("[data-testid=said] input[type=checkbox]");
  await pause(300);
  check((await ada.$$("[data-testid=outlines] path.dashed")).length === 1, "one is hidden by its box");
  for (let item = 1; item <= OUTLINED; item += 1) {
    await ada.goto(`${http}/#/annotations/${outlines}/decide/${item}`);
    await itemOf(ada, item);
    await push(ada, "[data-testid=said]", `Take the answer of ${item % 2 === 0 ? "li" : "jane"}`);
    await pause(600);
  }
  const decided = (await api(ada, `/${outlines}/agreement`)).decided;
  check(decided.length === OUTLINED, `all outlines are decided (${decided.length})`);

  // What leaves.
  await ada.goto(`${http}/#/annotations`);
  await ada.waitForSelector("[data-testid=projects] article");
  const article = (title) => `[data-testid=projects] article[aria-label="${title}"]`;
  const set = await taken(ada, article("Breast lesions"), "Training set", "labels");
  const masks = await taken(ada, article("Outlines of lesions"), "Training set", "outlines");
  const table = rows(join(set, "labels.csv"));
  const by = (how) => table.filter(({ confirmed }) => confirmed === how).length;
  check(table.length === 23 && by("adjudicated") === 4 && by("agreed") === 19, `the set has 19 agreed and 4 adjudicated (${table.length})`);
  const final = Object.fromEntries(answered.map((item, at) => [item, pairs[at][0]]));
  Object.assign(final, { 3: pairs[2][1], 5: own, 20: pairs[19][0], 24: truth[24] });
  check(table.every(({ item, class: name }) => final[item] === name), "each with the label that was decided");
  const without = rows(join(set, "left-out.csv")).map(({ item }) => item);
  check(without.join(", ") === "14", `what was left out is named (${without.join(", ")})`);
  const everything = readdirSync(set, { recursive: true }).filter((name) => /\.(csv|md|json|toml)$/.test(name)).map((name) => readFileSync(join(set, name), "latin1")).join("");
  check(!/Sample\^|WIL-2|A-20|20240214/.test(everything), "no name, number or date is in the set");
  const mask = rows(join(masks, "masks.csv"));
  check(mask.length === OUTLINED, `every item that was outlined has a mask (${mask.length})`);
  const sizes = [];
  for (const { mask: file, item } of mask) sizes.push([await count(ada, join(masks, file)), overlaps[item - 1].sizes[item % 2 === 0 ? 1 : 0]]);
  check(sizes.every(([one, two]) => one === two), `each mask has the pixels that were outlined (${sizes.map(([one]) => one).join(", ")})`);

  await push(ada, article("Breast lesions"), "Close");
  await pause(600);
  check(await shows(ada, article("Breast lesions"), "closed"), "the project is closed");
  await people.jane.goto(`${http}/#/annotations/${labels}/items/1`);
  await itemOf(people.jane, 1);
  check(await people.jane.$eval("aside form .primary", (button) => button.disabled), "and takes no more answers");
  await ada.select("header select", "zh");
  await pause(500);
  await shot(ada, "annotate-zh");
  await close();

  const checked = run(["store", "check", "--data", store, "--json"]);
  check(checked.status === 0, `wilhelm store check finds nothing wrong (${checked.status}) ${checked.stderr.slice(0, 300)}`);
  for (const [id, from, kind] of [[labels, set, "classifier"], [outlines, masks, "segmenter"]]) {
    const out = join(folder, `export-${kind}`);
    const exported = run(["annotations", "export", id, "--data", store, "--out", out]);
    check([0, 1].includes(exported.status), `wilhelm annotations export writes it (${exported.status}) ${exported.status > 1 ? exported.stderr : ""}`);
    const [one, two] = [files(from), files(out)];
    const apart = [...new Set([...Object.keys(one), ...Object.keys(two)])].filter((name) => one[name] !== two[name]);
    check(apart.length === 0, `the same bytes as the page gives, in ${Object.keys(two).length} files ${apart.join(", ")}`);
    const model = join(folder, `model-${kind}`);
    const trained = run(["train", kind, "--recipe", join(out, "recipe.toml"), "--data", out, "--out", model]);
    // So few images may teach a network nothing, which the program says and keeps no model: they were taken all the same.
    const isHonest = trained.stderr.includes("the network learned nothing that holds on validation");
    const became = trained.status === 0 ? "a model" : trained.stderr.trim().split("\n").at(-1);
    check((trained.status === 0 && existsSync(model)) || isHonest, `wilhelm train ${kind} takes it: ${became}`);
    if (keep) cpSync(out, join(keep, kind), { recursive: true });
  }
} catch (error) {
  check(false, `the journey broke off: ${error.stack}`);
}
await end("annotation");
