/** How long a study has waited, against what its urgency asks for, and where its reading stands. */

import type { Level, WorklistRow } from "../api/worklist";
import type { ReportState } from "../api/report";
import { SIGNED } from "../api/report";

/** Minutes from arrival to a signed report: customary aims, which differ from house to house. */
export const AIM_MINUTES: Record<Level, number> = { urgent: 60, soon: 240, routine: 1440 };

/** From this share of the time on a study is due. */
const DUE = 0.75;

export type Service = "signed" | "within" | "due" | "over";

/** Whole minutes from an instant as RFC 3339 writes it to another in milliseconds; 0 for one that is to come or is none. */
export function minutesSince(arrived: string, now: number): number {
  const from = Date.parse(arrived);
  return Number.isFinite(from) ? Math.max(0, Math.floor((now - from) / 60_000)) : 0;
}

export function service(minutes: number, level: Level | undefined, signed: boolean): Service {
  if (signed) return "signed";
  const share = minutes / AIM_MINUTES[level ?? "routine"];
  if (share >= 1) return "over";
  return share >= DUE ? "due" : "within";
}

/** Two units at most: `5 min`, `2 h 5 min`, `3 d 2 h`. */
export function waited(minutes: number, units: { day: string; hour: string; minute: string }): string {
  const [days, hours, rest] = [Math.floor(minutes / 1440), Math.floor((minutes % 1440) / 60), minutes % 60];
  const parts: [number, string][] = days > 0 ? [[days, units.day], [hours, units.hour]] : [[hours, units.hour], [rest, units.minute]];
  const shown = parts.filter(([count], at) => count > 0 || (at === 1 && minutes < 60));
  return shown.map(([count, unit]) => `${count} ${unit}`).join(" ");
}

const READING = ["queued", "running", "failed", "dead"] as const;
export type RowState = "unread" | (typeof READING)[number] | ReportState;

/** What the worklist can be asked for. */
export const SEARCHED_STATES = ["unread", "draft", "preliminary", "final", "amended", "addendum"] as const;

/** In the order in which a study still wants somebody. */
const ORDER: readonly ReportState[] = ["draft", "preliminary", "addendum", "amended", "final"];

/** Where a study's reading stands: a job that is under way or failed, else the report that wants somebody most. */
export function rowState({ reading, reports }: Pick<WorklistRow, "reading" | "reports">): RowState {
  // A job that is done says no more than the report that it made.
  const job = READING.find((state) => state === reading?.state);
  if (job !== undefined) return job;
  return ORDER.find((state) => reports.some((report) => report.state === state)) ?? "unread";
}

/** Whether every report of a study is signed for good. */
export function isSigned({ reports }: Pick<WorklistRow, "reports">): boolean {
  return reports.length > 0 && reports.every(({ state }) => SIGNED.includes(state));
}

/** A share from 0 to 1 in whole percent; what would round to a certainty stays short of it. */
export function percent(share: number): string {
  const whole = Math.round(share * 100);
  // The space does not break.
  if (whole <= 0 && share > 0) return "< 1\u00a0%";
  return whole >= 100 && share < 1 ? "> 99\u00a0%" : `${whole}\u00a0%`;
}
