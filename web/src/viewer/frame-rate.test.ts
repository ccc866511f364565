import { expect, test } from "vitest";

import { frameRate, stepRate } from "./frame-rate";

test("a rate is what is recommended, else how the frames were taken, else the usual one", () => {
  const value = (number: number) => ({ vr: "IS", Value: [number] });
  expect(frameRate({ "00082144": value(15), "00180040": value(30) })).toBe(15);
  expect(frameRate({ "00180040": value(30) })).toBe(30);
  expect(frameRate({ "00181063": value(33.3) })).toBe(30);
  expect(frameRate({ "00181063": value(0) })).toBe(12);
  expect(frameRate(undefined)).toBe(12);
});

test("rates go up and down by steps and no further than their ends", () => {
  expect([stepRate(12, 1), stepRate(12, -1), stepRate(13, 1), stepRate(60, 1), stepRate(1, -1)]).toEqual([15, 10, 15, 60, 1]);
});
