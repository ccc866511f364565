/** Where a frame lies on a pane: for pictures and outlines that are laid over it. */

export type Point = readonly [number, number];

/**
 * The CSS transform that lays an element of `size` x `size` pixels, with its origin in its upper left corner, over a frame
 * whose upper left, upper right and lower left corners are given on the pane, in CSS pixels.
 */
export function laidOver(size: number, upperLeft: Point, upperRight: Point, lowerLeft: Point): string {
  const along = (to: Point) => [(to[0] - upperLeft[0]) / size, (to[1] - upperLeft[1]) / size];
  const numbers = [...along(upperRight), ...along(lowerLeft), ...upperLeft];
  return `matrix(${numbers.map((number) => Number(number.toFixed(6))).join(", ")})`;
}

/** Points as SVG writes them. */
export function outline(points: readonly Point[]): string {
  return points.map(([x, y]) => `${x.toFixed(1)},${y.toFixed(1)}`).join(" ");
}
