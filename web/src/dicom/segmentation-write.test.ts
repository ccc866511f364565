import { expect, test } from "vitest";

import type { DataSet } from "./json";
import { framePixels, type Segmentation } from "./segmentation";
import { labOf, packed, type PaintedSegment, segmentationFile, unfitFor } from "./segmentation-write";

function image(number: number, labels: number[]) {
  const header: DataSet = {
    "00080016": { vr: "UI", Value: ["1.2.840.10008.5.1.4.1.1.2"] },
    "00080018": { vr: "UI", Value: [`1.2.${number}`] },
    "0020000D": { vr: "UI", Value: ["1.1"] },
    "0020000E": { vr: "UI", Value: ["1.1.1"] },
    "00200032": { vr: "DS", Value: [0, 0, number] },
    "00200037": { vr: "DS", Value: [1, 0, 0, 0, 1, 0] },
    "00200052": { vr: "UI", Value: ["1.9"] },
    "00280010": { vr: "US", Value: [1] },
    "00280011": { vr: "US", Value: [3] },
    "00280030": { vr: "DS", Value: [1, 1] },
  };
  return { header, labels };
}

const segment = (number: number): PaintedSegment => ({
  number,
  label: `part ${number}`,
  property: "lesion",
  byThreshold: false,
  color: [255, 0, 0],
});
const maker = { name: "reader", at: new Date(2024, 1, 3, 4, 5, 6) };

test("bits of frames follow each other without a gap", () => {
  // 1 1 0 | 0 1 0 of segment 2: bits 0, 1 and 4.
  expect([...packed([{ labels: [2, 2, 1], segment: 2 }, { labels: [0, 2, 0], segment: 2 }])]).toEqual([0b010011]);
});

test("a frame is written for each segment on each image that holds some of it, and segments are numbered without a gap", () => {
  const file = segmentationFile([image(1, [0, 0, 0]), image(2, [1, 0, 3]), image(3, [3, 3, 0])], [1, 2, 3].map(segment), "lesions", maker);
  // Frames: 1 on image 2, 3 on images 2 and 3, as 1, 2, 2: its own reader takes the pixels out again.
  const of: Segmentation = { label: "", rows: 1, columns: 3, bits: 1, segments: [], frames: Array(3).fill({ segment: 0, sopInstanceUid: "", imagePosition: [] }) as Segmentation["frames"] };
  expect(framePixels(file, of).map((pixels) => [...pixels])).toEqual([[1, 0, 0], [0, 0, 1], [1, 1, 0]]);
});

test("what has no place in space, holds many frames or is not painted is refused", () => {
  const many = { ...image(1, []).header, "00280008": { vr: "IS", Value: [2] } };
  const flat = { ...image(1, []).header, "00200052": undefined };
  expect([unfitFor([many]), unfitFor([flat]), unfitFor([image(1, []).header])]).toEqual(["frames", "position", undefined]);
  expect(() => segmentationFile([image(1, [0, 0, 0])], [segment(1)], "", maker)).toThrow("nothing was painted");
});

test("colors are CIELab under D50", () => {
  // L* 54.29, a* 80.80, b* 69.89 of sRGB's red (B. Lindbloom's table, D50), in sixteen bits.
  const [l, a, b] = labOf([255, 0, 0]);
  expect(Math.abs(l - (54.29 / 100) * 65535)).toBeLessThan(10);
  expect(Math.abs(a - ((80.8 + 128) / 255) * 65535)).toBeLessThan(10);
  expect(Math.abs(b - ((69.89 + 128) / 255) * 65535)).toBeLessThan(10);
});
