import { expect, test } from "vitest";

import { hang } from "./hanging";
import type { SeriesLine } from "./series";

let series = 0;
function line(modality: string, count: number, bodyPart = "", kind: SeriesLine["kind"] = "images"): SeriesLine {
  series += 1;
  return { study: "1", series: `1.${series}`, number: series, modality, description: "", count, kind, bodyPart };
}

test("a PET lies over the CT with the most images", () => {
  const [scout, ct, pet] = [line("CT", 2), line("CT", 300), line("PT", 90)];
  expect(hang([scout, ct, pet])).toEqual({ rule: "fused", first: ct, over: pet });
});

test("a CT is shown in the window of its body part, and not its localizer", () => {
  const [scout, head, chest, unknown] = [line("CT", 1), line("CT", 40, "HEAD"), line("CT", 40, "Chest"), line("CT", 9, "")];
  expect(hang([scout, head])).toEqual({ rule: "computed", first: head, window: "brain" });
  expect(hang([chest])).toMatchObject({ window: "lung" });
  expect(hang([unknown])).toEqual({ rule: "computed", first: unknown });
});

test("two radiographs and two sequences stand side by side", () => {
  const [pa, lateral] = [line("DX", 1), line("DX", 1)];
  expect(hang([pa, lateral])).toEqual({ rule: "radiographs", first: pa, second: lateral });
  const [scout, t1, t2] = [line("MR", 1), line("MR", 24), line("MR", 24)];
  expect(hang([scout, t1, t2])).toEqual({ rule: "sequences", first: t1, second: t2 });
});

test("anything else begins with its first images, and reports are none", () => {
  const us = line("US", 1);
  expect(hang([line("SR", 1, "", "report"), us])).toEqual({ rule: "first", first: us });
  expect(hang([line("SR", 1, "", "report")])).toBeUndefined();
});
