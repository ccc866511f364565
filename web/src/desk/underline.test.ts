import { expect, test } from "vitest";

import { marked } from "./underline";

const written = (text: string, ...ranges: [number, number][]) =>
  marked(text, ranges.map(([start, end]) => ({ start, end })))
    .map((piece) => (piece.problems.length === 0 ? piece.text : `<${piece.problems.join("")}:${piece.text}>`))
    .join("");

test("a problem's words are marked, and the rest is not", () => {
  expect(written("No pneumonia seen.", [0, 12])).toBe("<0:No pneumonia> seen.");
  expect(written("No pneumonia seen.")).toBe("No pneumonia seen.");
  expect(written("")).toBe("");
});

test("offsets count UTF-16 units: Chinese is one, a character beyond the first plane two", () => {
  expect(written("没有肺炎。", [2, 4])).toBe("没有<0:肺炎>。");
  expect(written("😀 left", [3, 7])).toBe("😀 <0:left>");
});

test("no pair of surrogates is split", () => {
  expect(written("a😀b", [2, 4])).toBe("a<0:😀b>");
  expect(written("a😀b", [0, 2])).toBe("<0:a>😀b");
});

test("problems may overlap, and are of a longer text than there is now", () => {
  expect(written("left lung", [0, 9], [0, 4])).toBe("<01:left><0: lung>");
  expect(written("left", [0, 40])).toBe("<0:left>");
});

test("a problem without a place is the whole sentence's", () => {
  expect(written("left lung", [3, 3])).toBe("<0:left lung>");
});
