/**
 * Standardized uptake value by body weight, where the header allows it: the rules of the program's own reader
 * (PS3.3 Section C.8.9.1; QIBA, "Computing SUV from DICOM", vendor-neutral pseudo-code), but for counts with a vendor's
 * private factor, which are refused.
 */

import { type DataSet, items, number, text, texts } from "./json";

export type NoUptake =
  | "unit"
  | "notByWeight"
  | "counts"
  | "attenuation"
  | "decayUnlisted"
  | "decayUnknown"
  | "weight"
  | "dose"
  | "halfLife"
  | "injection"
  | "series"
  | "acquisition"
  | "duration"
  | "later"
  | "several"
  | "day";

export type Uptake = { factor: number } | { why: NoUptake };

interface Moment {
  /** Counted from a fixed day, where the date is known. */
  day: number | undefined;
  second: number;
}

const DAY_SECONDS = 86400;

function secondOfDay(written: string): number | undefined {
  const match = /^(\d{2})(\d{2})?(\d{2}(?:\.\d+)?)?/.exec(written);
  if (!match) return undefined;
  const [hours, minutes, seconds] = [Number(match[1]), Number(match[2] ?? 0), Number(match[3] ?? 0)];
  return hours < 24 && minutes < 60 && seconds < 61 ? hours * 3600 + minutes * 60 + seconds : undefined;
}

function dayNumber(written: string): number | undefined {
  const match = /^(\d{4})(\d{2})(\d{2})$/.exec(written);
  if (!match) return undefined;
  return Date.UTC(Number(match[1]), Number(match[2]) - 1, Number(match[3])) / (DAY_SECONDS * 1000);
}

function moment(data: DataSet, date: string, time: string): Moment | undefined {
  const second = secondOfDay(text(data, time));
  return second === undefined ? undefined : { day: dayNumber(text(data, date)), second };
}

/** Seconds of an offset from UTC, `+HHMM`. */
function offsetOf(written: string): number | undefined {
  const match = /^([+-])(\d{2})(\d{2})$/.exec(written.trim());
  if (!match) return undefined;
  return (match[1] === "-" ? -1 : 1) * (Number(match[2]) * 3600 + Number(match[3]) * 60);
}

/** A DT value; an offset from UTC is undone against the data set's own. */
function dateTime(written: string, own: number | undefined): Moment | undefined {
  const match = /^(\d{8})(\d{2}[\d.]*)([+-]\d{4})?$/.exec(written.trim());
  const second = match ? secondOfDay(match[2] ?? "") : undefined;
  if (!match || second === undefined) return undefined;
  const stated = offsetOf(match[3] ?? "");
  const shift = stated !== undefined && own !== undefined ? own - stated : 0;
  return { day: dayNumber(match[1] ?? ""), second: second + shift };
}

/** Seconds from one moment to a later one; without days, a negative span has crossed midnight once. */
function since(later: Moment, earlier: Moment): number {
  const span = later.second - earlier.second;
  if (later.day !== undefined && earlier.day !== undefined) return span + (later.day - earlier.day) * DAY_SECONDS;
  return span < 0 ? span + DAY_SECONDS : span;
}

/** Seconds from a frame's beginning to when its rate was the frame's mean. */
export function meanRateSecond(duration: number, halfLife: number): number {
  const decay = Math.LN2 / halfLife;
  const x = decay * duration;
  return Math.log(x / -Math.expm1(-x)) / decay;
}

class Refusal extends Error {
  readonly why: NoUptake;

  constructor(why: NoUptake) {
    super(why);
    this.why = why;
  }
}

function wanted<T>(value: T | undefined, why: NoUptake): T {
  if (value === undefined) throw new Refusal(why);
  return value;
}

const above = (value: number | undefined) => (value !== undefined && value > 0 ? value : undefined);

/** Seconds from the injection to a moment. */
function elapsed(until: Moment, injected: Moment | undefined): number {
  const seconds = since(until, wanted(injected, "injection"));
  if (seconds < 0 || seconds > DAY_SECONDS) throw new Refusal("day");
  return seconds;
}

/** The moment that values corrected to the start of the scan stand for; a series dated after it is a later reconstruction. */
function scanStart(data: DataSet, halfLife: number): Moment {
  const series = wanted(moment(data, "00080021", "00080031"), "series");
  const acquired = wanted(moment(data, "00080022", "00080032"), "acquisition");
  const dated = series.day !== undefined && acquired.day !== undefined && series.day !== acquired.day;
  const after = dated ? (series.day ?? 0) > (acquired.day ?? 0) : series.second > acquired.second;
  if (!after) return series;
  const reference = wanted(number(data, "00541300"), "later") / 1000;
  const duration = wanted(above(number(data, "00181242")), "later") / 1000;
  return { ...acquired, second: acquired.second - reference + meanRateSecond(duration, halfLife) };
}

function byActivity(data: DataSet): number {
  const corrections = texts(data, "00280051");
  const corrected = (by: string, why: NoUptake) => {
    if (!corrections.includes(by)) throw new Refusal(why);
  };
  corrected("ATTN", "attenuation");
  const drug = items(data, "00540016")[0] ?? {};
  const weight = wanted(above(number(data, "00101030")), "weight");
  const dose = wanted(above(number(drug, "00181074")), "dose");
  const halfLife = wanted(above(number(drug, "00181075")), "halfLife");
  const second = secondOfDay(text(drug, "00181072"));
  const injected =
    dateTime(text(drug, "00181078"), offsetOf(text(data, "00080201"))) ??
    (second === undefined ? undefined : { day: undefined, second });
  const uptake = (weight * 1000) / dose;
  const correction = text(data, "00541102");
  if (correction === "ADMIN") {
    corrected("DECY", "decayUnlisted");
    return uptake;
  }
  if (correction === "START") {
    corrected("DECY", "decayUnlisted");
    return uptake * 2 ** (elapsed(scanStart(data, halfLife), injected) / halfLife);
  }
  if (correction === "NONE") {
    const acquired = wanted(moment(data, "00080022", "00080032"), "acquisition");
    const duration = wanted(above(number(data, "00181242")), "duration") / 1000;
    return uptake * 2 ** ((elapsed(acquired, injected) + meanRateSecond(duration, halfLife)) / halfLife);
  }
  throw new Refusal("decayUnknown");
}

/** The factor from the value that an image states to g/mL, or why there is none. */
export function uptakeOf(data: DataSet): Uptake {
  const unit = text(data, "00541001");
  if (unit === "GML") return ["", "BW"].includes(text(data, "00541006")) ? { factor: 1 } : { why: "notByWeight" };
  if (unit === "CNTS") return { why: "counts" };
  if (unit !== "BQML") return { why: "unit" };
  try {
    return { factor: byActivity(data) };
  } catch (refusal) {
    if (refusal instanceof Refusal) return { why: refusal.why };
    throw refusal;
  }
}

/** One factor for a whole series, or why there is none: images that want factors of their own are refused. */
export function uptakeOfSeries(headers: readonly DataSet[]): Uptake {
  let found: Uptake | undefined;
  for (const header of headers) {
    const one = uptakeOf(header);
    if ("why" in one) return one;
    if (found && "factor" in found && Math.abs(one.factor / found.factor - 1) > 1e-4) return { why: "several" };
    found ??= one;
  }
  return found ?? { why: "unit" };
}
