import { describe, expect, it } from "vitest";

import { added, area, contour, contoursPath, removed, runsPath, simplified } from "./outlines";

const SIZE = { columns: 20, rows: 10 };

describe("outlines", () => {
  it("leave out points on a line and keep corners", () => {
    expect(simplified([[0, 0], [1, 0.1], [2, 0], [4, 0], [4, 3]])).toEqual([[0, 0], [4, 0], [4, 3]]);
  });

  it("stay on the image and enclose something", () => {
    const drawn = contour([[-5, -5], [8, -5], [8, 4], [8, 5], [-5, 5]], SIZE);
    expect(drawn).toEqual([[-0.5, -0.5], [8, -0.5], [8, 5], [-0.5, 5]]);
    expect(area(drawn ?? [])).toBeCloseTo(46.75);
    expect(contour([[1, 1], [1.2, 1.1], [1.1, 1.3]], SIZE)).toBeUndefined();
    expect(contour([[1, 1], [5, 5]], SIZE)).toBeUndefined();
  });

  it("are gathered by frame and structure", () => {
    const place = { image: 1, frame: 1, structure: "lesion" };
    const one: [number, number][] = [[0, 0], [4, 0], [4, 4]];
    const other: [number, number][] = [[6, 6], [9, 6], [9, 9]];
    const both = added(added([], place, one), place, other);
    expect(both).toEqual([{ ...place, contours: [one, other] }]);
    expect(removed(both, place, 0)).toEqual([{ ...place, contours: [other] }]);
    expect(removed(removed(both, place, 0), place, 0)).toEqual([]);
    const pixels = [{ ...place, runs: [[0, 3]] as [number, number][] }];
    expect(added(pixels, place, one)).toEqual([{ ...place, contours: [one] }]);
    expect(removed(pixels, place, 0)).toEqual([]);
  });

  it("are drawn as paths; a run goes on in the next row", () => {
    expect(runsPath([[18, 4]], 20)).toBe("M17.5 -0.5h2v1h-2zM-0.5 0.5h2v1h-2z");
    expect(contoursPath([[[0, 0], [4, 0], [4, 4]]])).toBe("M0 0L4 0L4 4z");
  });
});
