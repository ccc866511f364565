import { expect, test } from "vitest";

import type { DataSet } from "../dicom/json";
import { imageSeries } from "./series";

function slice(number: number, superior: number, more: DataSet = {}): DataSet {
  return {
    "00080018": { vr: "UI", Value: [`1.2.${number}`] },
    "0020000D": { vr: "UI", Value: ["1.1"] },
    "0020000E": { vr: "UI", Value: ["1.1.1"] },
    "00200013": { vr: "IS", Value: [number] },
    "00200032": { vr: "DS", Value: [0, 0, superior] },
    "00200037": { vr: "DS", Value: [1, 0, 0, 0, 1, 0] },
    "00280010": { vr: "US", Value: [4] },
    "00280011": { vr: "US", Value: [4] },
    ...more,
  };
}

test("slices are sorted along their normal, not by their numbers", () => {
  const series = imageSeries([slice(1, 30), slice(2, 20), slice(3, 10)]);
  expect(series.positions).toEqual([10, 20, 30]);
  expect(series.frames.map((frame) => frame.sopInstanceUid)).toEqual(["1.2.3", "1.2.2", "1.2.1"]);
  expect(series).toMatchObject({ isVolume: true, plane: "axial", study: "1.1", series: "1.1.1" });
});

test("a gap makes a stack of a volume", () => {
  expect(imageSeries([slice(1, 0), slice(2, 10), slice(3, 30)]).isVolume).toBe(false);
});

test("images that are not parallel are sorted by their numbers", () => {
  const turned = { "00200037": { vr: "DS", Value: [1, 0, 0, 0, 0, -1] } };
  const series = imageSeries([slice(3, 0), slice(1, 50, turned), slice(2, 9)]);
  expect(series.frames.map((frame) => frame.sopInstanceUid)).toEqual(["1.2.1", "1.2.2", "1.2.3"]);
  expect(series).toMatchObject({ isVolume: false, plane: undefined, positions: [] });
});

test("an object of many frames is a stack of them, and objects without pixels are left out", () => {
  const cine = slice(1, 0, { "00280008": { vr: "IS", Value: [3] } });
  const series = imageSeries([cine, { "00080018": { vr: "UI", Value: ["9"] } }]);
  expect(series.frames.map((frame) => frame.frame)).toEqual([1, 2, 3]);
  expect(series.frames[2]?.imageId).toMatch(/^wadors:http.*\/studies\/1\.1\/series\/1\.1\.1\/instances\/1\.2\.1\/frames\/3$/);
});
