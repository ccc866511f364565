import { expect, test } from "vitest";

import { laidOver, outline } from "./layer";

test("an element is laid over an upright frame by scale and shift", () => {
  expect(laidOver(100, [10, 20], [210, 20], [10, 420])).toBe("matrix(2, 0, 0, 4, 10, 20)");
});

test("a turned and a mirrored frame turn and mirror what lies over them", () => {
  // A quarter turn to the right: columns run down, rows run to the left.
  expect(laidOver(100, [100, 0], [100, 100], [0, 0])).toBe("matrix(0, 1, -1, 0, 100, 0)");
  expect(laidOver(100, [100, 0], [0, 0], [100, 100])).toBe("matrix(-1, 0, 0, 1, 100, 0)");
});

test("an outline is written point by point", () => {
  expect(outline([[1, 2], [3.25, 4]])).toBe("1.0,2.0 3.3,4.0");
});
