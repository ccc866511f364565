/** How fast the frames of an object follow each other. */

import { type DataSet, number } from "../dicom/json";

/** Where the header states none. */
export const USUAL_RATE = 12;
const RATES = [1, 2, 4, 6, 8, 10, 12, 15, 20, 25, 30, 40, 50, 60];

/** Frames a second, of what the header recommends, else of how they were taken (PS3.3 Sections C.7.6.5, C.8.5.6). */
export function frameRate(header: DataSet | undefined): number {
  if (!header) return USUAL_RATE;
  const time = number(header, "00181063");
  const stated = [number(header, "00082144"), number(header, "00180040"), time !== undefined && time > 0 ? 1000 / time : undefined];
  const rate = stated.find((one) => one !== undefined && one > 0);
  return rate === undefined ? USUAL_RATE : Math.min(Math.max(Math.round(rate), 1), 60);
}

/** The next faster or slower rate. */
export function stepRate(rate: number, by: 1 | -1): number {
  const found = by > 0 ? RATES.find((one) => one > rate) : [...RATES].reverse().find((one) => one < rate);
  return found ?? rate;
}
