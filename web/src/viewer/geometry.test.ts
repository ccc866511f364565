import { expect, test } from "vitest";

import { evenSpacing, linkedIndex, milliliters, nearest, normal, plane, sameDirection } from "./geometry";

test("the normal of an axial image points to the head, and of a coronal one to the back", () => {
  // Zero has a sign, which says nothing here.
  expect(normal([1, 0, 0, 0, 1, 0])?.map((one) => one + 0)).toEqual([0, 0, 1]);
  expect(normal([1, 0, 0, 0, 0, -1])?.map((one) => one + 0)).toEqual([0, 1, 0]);
  expect(normal([1, 0, 0])).toBeUndefined();
});

test("a plane is named by what its normal is nearest to", () => {
  expect(plane([0.1, -0.2, 0.97])).toBe("axial");
  expect(plane([-0.9, 0.3, 0.1])).toBe("sagittal");
  expect(plane([0.1, 0.9, -0.4])).toBe("coronal");
});

test("slices are even where none lies more than a twentieth off", () => {
  expect(evenSpacing([0, 2, 4, 6])).toBe(2);
  expect(evenSpacing([0, 2.08, 4, 6])).toBe(2);
  expect(evenSpacing([0, 2, 4, 8])).toBeUndefined();
  expect(evenSpacing([3, 3, 3])).toBeUndefined();
  expect(evenSpacing([5])).toBeUndefined();
});

test("directions of other lengths differ", () => {
  expect(sameDirection([1, 0, 0], [1, 0, 0.0005])).toBe(true);
  expect(sameDirection([1, 0, 0], [1, 0])).toBe(false);
});

test("the nearest position is found", () => {
  expect(nearest([0, 5, 10], 7.4)).toBe(1);
  expect(nearest([0, 5, 10], 99)).toBe(2);
});

test("linked stacks move by the same millimeters, whatever their spacing", () => {
  const thin = Array.from({ length: 300 }, (_, at) => at * 1);
  const thick = Array.from({ length: 61 }, (_, at) => -100 + at * 5);
  const link = { from: { positions: thin, start: 100 }, to: { positions: thick, start: 20, count: 61 } };
  expect(linkedIndex(link, 100)).toBe(20);
  expect(linkedIndex(link, 115)).toBe(23);
  expect(linkedIndex(link, 299)).toBe(60);
});

test("linked stacks without positions move by images, and stop at the ends", () => {
  const link = { from: { positions: [], start: 2 }, to: { positions: [], start: 5, count: 8 } };
  expect(linkedIndex(link, 3)).toBe(6);
  expect(linkedIndex(link, 50)).toBe(7);
  expect(linkedIndex(link, -50)).toBe(0);
});

test("voxels are milliliters by the sides of pixels and the distance of slices", () => {
  // 1000 voxels of 0.5 mm x 0.5 mm x 2 mm are 500 cubic millimeters.
  expect(milliliters(1000, [0.5, 0.5], 2)).toBeCloseTo(0.5, 12);
  expect(milliliters(1000, [0.5, 0.5], undefined)).toBeUndefined();
  expect(milliliters(1000, [], 2)).toBeUndefined();
});
