/** Outlines while they are drawn: points are `[column, row]`, the center of the first pixel is `[0, 0]`. */

import type { Outline, Size } from "./api";

export type Point = readonly [number, number];

/** How far a line that leaves points out may lie from them, in pixels. */
const TOLERANCE = 0.3;

/** Fewest points of an area. */
const FEWEST = 3;

function distance(point: Point, from: Point, to: Point): number {
  const [x, y] = [to[0] - from[0], to[1] - from[1]];
  const length = Math.hypot(x, y);
  if (length === 0) return Math.hypot(point[0] - from[0], point[1] - from[1]);
  return Math.abs(x * (from[1] - point[1]) - y * (from[0] - point[0])) / length;
}

/** The line with as few points as keep it within the tolerance (Douglas and Peucker 1973, doi:10.3138/FM57-6770-U75U-7727). */
export function simplified(points: readonly Point[], tolerance = TOLERANCE): Point[] {
  const [first] = points;
  const last = points[points.length - 1];
  if (points.length < 3 || first === undefined || last === undefined) return [...points];
  let farthest = 0;
  let reach = 0;
  for (let at = 1; at < points.length - 1; at += 1) {
    const here = distance(points[at] ?? first, first, last);
    if (here > reach) [farthest, reach] = [at, here];
  }
  if (reach <= tolerance) return [first, last];
  const before = simplified(points.slice(0, farthest + 1), tolerance);
  return [...before.slice(0, -1), ...simplified(points.slice(farthest), tolerance)];
}

/** What was drawn as a contour on an image; nothing where it encloses no pixel's worth. */
export function contour(drawn: readonly Point[], { columns, rows }: Pick<Size, "columns" | "rows">): [number, number][] | undefined {
  const within = (value: number, count: number) => Math.min(Math.max(value, -0.5), count - 0.5);
  // A line without an end has no first point that must stay: cut where it is farthest from the beginning.
  const half = drawn.length >> 1;
  const open = [...simplified(drawn.slice(0, half + 1)), ...simplified(drawn.slice(half)).slice(1)];
  const points = withoutStraight(open.map(([x, y]): [number, number] => [
    Math.round(within(x, columns) * 100) / 100,
    Math.round(within(y, rows) * 100) / 100,
  ]));
  return points.length >= FEWEST && Math.abs(area(points)) >= 1 ? points : undefined;
}

/** A closed line without the points that lie on the straight between their neighbors: the cuts, and what was held to an edge. */
function withoutStraight(points: readonly [number, number][]): [number, number][] {
  return points.filter((point, at) => {
    const before = points[(at + points.length - 1) % points.length] ?? point;
    const after = points[(at + 1) % points.length] ?? point;
    return distance(point, before, after) > 1e-9;
  });
}

/** The area that a closed line encloses, in pixels; its sign says which way it turns. */
export function area(points: readonly Point[]): number {
  return points.reduce((sum, [x, y], at) => {
    const [x1, y1] = points[(at + 1) % points.length] ?? [x, y];
    return sum + (x * y1 - x1 * y) / 2;
  }, 0);
}

type Place = Pick<Outline, "image" | "frame" | "structure">;

const isAt = (one: Outline, place: Place) =>
  one.image === place.image && one.frame === place.frame && one.structure === place.structure;

/** The outlines with a contour more; it takes the place of pixels that were there of the structure. */
export function added(outlines: readonly Outline[], place: Place, line: [number, number][]): Outline[] {
  const before = outlines.find((one) => isAt(one, place));
  const contours = [...(before?.contours ?? []), line];
  return [...outlines.filter((one) => !isAt(one, place)), { ...place, contours }];
}

/** The outlines without one of the contours of a place, or without its pixels. */
export function removed(outlines: readonly Outline[], place: Place, at: number): Outline[] {
  return outlines.flatMap((one) => {
    if (!isAt(one, place)) return [one];
    const contours = (one.contours ?? []).filter((_, number) => number !== at);
    return contours.length > 0 ? [{ ...place, contours }] : [];
  });
}

/** Runs along the rows as the path of an SVG, in pixels. */
export function runsPath(runs: readonly (readonly [number, number])[], columns: number): string {
  return runs
    .flatMap(([first, count]) => {
      const parts: string[] = [];
      for (let from = first; from < first + count; ) {
        const [row, column] = [Math.floor(from / columns), from % columns];
        const here = Math.min(first + count - from, columns - column);
        parts.push(`M${column - 0.5} ${row - 0.5}h${here}v1h${-here}z`);
        from += here;
      }
      return parts;
    })
    .join("");
}

/** Contours as the path of an SVG. */
export function contoursPath(contours: readonly (readonly Point[])[]): string {
  return contours.map((line) => `M${line.map(([x, y]) => `${x} ${y}`).join("L")}z`).join("");
}

/** Columns and rows to the pane's CSS pixels: `[a, b, c, d, e, f]` as SVG and CSS have it. */
export type Matrix = readonly [number, number, number, number, number, number];

/** The column and row of a place on the pane. */
export function pixelAt([a, b, c, d, e, f]: Matrix, x: number, y: number): Point {
  const determinant = a * d - b * c;
  const [u, v] = [x - e, y - f];
  return [(d * u - c * v) / determinant, (a * v - b * u) / determinant];
}
