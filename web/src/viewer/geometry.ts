/** Where slices lie. World space is LPS+ in millimeters, as in DICOM. */

export type Triple = readonly [number, number, number];

/** Slices of a volume may differ from even spacing by this share of it. */
const UNEVEN = 0.05;
/** Direction cosines of one series may differ by this much. */
const TURNED = 1e-3;

export function dot(one: Triple, other: Triple): number {
  return one[0] * other[0] + one[1] * other[1] + one[2] * other[2];
}

export function cross(one: Triple, other: Triple): Triple {
  return [
    one[1] * other[2] - one[2] * other[1],
    one[2] * other[0] - one[0] * other[2],
    one[0] * other[1] - one[1] * other[0],
  ];
}

/** Three numbers, or nothing. */
export function triple(values: readonly number[]): Triple | undefined {
  const [a, b, c] = values;
  return a === undefined || b === undefined || c === undefined ? undefined : [a, b, c];
}

/** The slice normal of six direction cosines (PS3.3 Section C.7.6.2.1.1): row, then column. */
export function normal(orientation: readonly number[]): Triple | undefined {
  const row = triple(orientation.slice(0, 3));
  const column = triple(orientation.slice(3, 6));
  return row && column ? cross(row, column) : undefined;
}

export function sameDirection(one: readonly number[], other: readonly number[]): boolean {
  return one.length === other.length && one.every((value, at) => Math.abs(value - (other[at] ?? NaN)) < TURNED);
}

export type Plane = "axial" | "sagittal" | "coronal";

/** The plane that a normal is nearest to. */
export function plane(direction: Triple): Plane {
  const [x, y, z] = direction.map(Math.abs) as unknown as Triple;
  if (z >= x && z >= y) return "axial";
  return x >= y ? "sagittal" : "coronal";
}

/** The distance between sorted positions in mm where it is even, else `undefined`. */
export function evenSpacing(sorted: readonly number[]): number | undefined {
  const [first] = sorted;
  const last = sorted.at(-1);
  if (first === undefined || last === undefined || sorted.length < 2) return undefined;
  const spacing = (last - first) / (sorted.length - 1);
  if (spacing <= 0) return undefined;
  const even = sorted.every((position, at) => Math.abs(position - first - at * spacing) <= UNEVEN * spacing);
  return even ? spacing : undefined;
}

/** A number of voxels in mL, between sides of pixels and slices in mm; nothing where these are not known. */
export function milliliters(voxels: number, pixelSpacing: readonly number[], between: number | undefined): number | undefined {
  const [rows, columns] = pixelSpacing;
  if (rows === undefined || columns === undefined || between === undefined) return undefined;
  return (voxels * rows * columns * between) / 1000;
}

/** The index whose position is nearest. */
export function nearest(positions: readonly number[], wanted: number): number {
  let best = 0;
  positions.forEach((position, at) => {
    if (Math.abs(position - wanted) < Math.abs((positions[best] ?? Infinity) - wanted)) best = at;
  });
  return best;
}

/** Two stacks that scroll together from where they stood when they were linked. */
export interface Link {
  from: { positions: readonly number[]; start: number };
  to: { positions: readonly number[]; start: number; count: number };
}

/** The image of the second stack for an image of the first: as many mm on, or as many images where there are no mm. */
export function linkedIndex(link: Link, index: number): number {
  const { from, to } = link;
  const [now, start, other] = [from.positions[index], from.positions[from.start], to.positions[to.start]];
  if (now !== undefined && start !== undefined && other !== undefined) {
    return nearest(to.positions, other + now - start);
  }
  return Math.min(Math.max(to.start + index - from.start, 0), to.count - 1);
}
