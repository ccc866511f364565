/** Which side of the patient lies at which edge of an image, in the letters of Patient Orientation (PS3.3 Section C.7.6.1.1.1). */

import type { DataSet } from "../dicom/json";
import { numbers, TAGS, texts } from "../dicom/json";
import { cross, type Triple, triple } from "./geometry";

/** The letters at the four edges; what nothing is known of is empty. */
export interface Sides {
  left: string;
  right: string;
  top: string;
  bottom: string;
}

/** The letters of +x, +y, +z and of their opposites: world space is LPS+. */
const AXES = [
  ["L", "R"],
  ["P", "A"],
  ["H", "F"],
] as const;
/** A direction is named by an axis that it follows by more than this, the sine of about 10 degrees. */
const FOLLOWS = 0.17;

const OPPOSITE: Readonly<Record<string, string>> = { L: "R", R: "L", P: "A", A: "P", H: "F", F: "H" };

/** A direction in letters, the axis that it follows most first: `L`, or `LA` where it is oblique. */
export function letters(direction: Triple): string {
  return AXES.map(([plus, minus], axis) => ({ along: direction[axis as 0 | 1 | 2], plus, minus }))
    .filter(({ along }) => Math.abs(along) > FOLLOWS)
    .sort((one, other) => Math.abs(other.along) - Math.abs(one.along))
    .map(({ along, plus, minus }) => (along > 0 ? plus : minus))
    .join("");
}

function opposite(of: string): string {
  return of.replace(/./g, (letter) => OPPOSITE[letter] ?? "");
}

function edges(right: string, bottom: string): Sides {
  return { left: opposite(right), right, top: opposite(bottom), bottom };
}

/** The sides of an image as it is stored: by its direction cosines, else by Patient Orientation, else nothing. */
export function imageSides(header: DataSet): Sides | undefined {
  const orientation = numbers(header, TAGS.imageOrientation);
  const [row, column] = [triple(orientation.slice(0, 3)), triple(orientation.slice(3, 6))];
  if (row && column) return edges(letters(row), letters(column));
  const [toRight = "", toBottom = ""] = texts(header, TAGS.patientOrientation);
  const known = (value: string) => /^[LRAPHF]+$/.test(value);
  return known(toRight) && known(toBottom) ? edges(toRight, toBottom) : undefined;
}

/** The sides of what a camera sees: `up` in the plane, `towards` from the image to the eye, both of length 1. */
export function cameraSides(up: Triple, towards: Triple): Sides {
  const down: Triple = [-up[0], -up[1], -up[2]];
  return edges(letters(cross(up, towards)), letters(down));
}
