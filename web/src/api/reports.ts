/** Reports of the desk (`/api/reports`): read, checked, changed, signed. Every change names what it is made to. */

import type { Heading, Report, ReportState, Signature } from "./report";
import { type Answer, ask } from "./request";

export interface Version {
  number: number;
  state: ReportState;
  by: string;
  at: string;
  reason: string | null;
  changes: number;
}

export type DecisionWord = "accepted" | "rejected" | "edited";

export interface Decision {
  decision: DecisionWord;
  by: string;
  at: string;
}

export type Decisions = Record<string, Decision | undefined>;

/** Where evidence lies in the study's images. */
export interface Place {
  kind: string;
  series: string | null;
  instance: string | null;
  /** Counted from 1. */
  frame: number | null;
  overlay: string | null;
  /** Around its pixels, in columns and rows of the frame from the upper left corner of its first pixel. */
  region: { polygon: [number, number][] } | null;
  words: string;
}

export interface EarlierReport {
  study: string;
  report: string;
  title: string;
  state: ReportState;
  at: string;
}

export interface DeskReport {
  id: string;
  study: string;
  series: string;
  version: number;
  versions: Version[];
  report: Report;
  decisions: Decisions;
  evidence: Record<string, Place | undefined>;
  earlier: EarlierReport[];
}

export interface ReportOfStudy {
  id: string;
  series: string;
  title: string;
  state: ReportState;
  version: number;
  updated: string;
  signatures: Signature[];
}

export type Edit = { sentence: string; text: string } | { sentence: string; remove: true };

export interface Edits {
  edits: Edit[];
  add: { heading: Heading; text: string }[];
  reason: string | null;
}

/** A part of a sentence, in UTF-16 units, that the gate objects to. */
export interface Problem {
  start: number;
  end: number;
  /** Whether it contradicts a finding, or says what none bears. */
  stance: "contradicts" | "unknown";
  reason: string;
  finding: string | null;
}

export interface Checked {
  verdict: "agrees" | "contradicts" | "unknown";
  problems: Problem[];
}

export interface Change {
  sentence: string;
  heading: Heading;
  before: string | null;
  after: string | null;
}

export const FORMS = ["html", "pdf", "text", "json", "fhir", "hl7", "sr", "encapsulated-pdf"] as const;
export type Form = (typeof FORMS)[number];

const at = (id: string) => `/reports/${encodeURIComponent(id)}`;

export async function reportsOf(study: string, signal?: AbortSignal): Promise<ReportOfStudy[]> {
  const answer = await ask<{ reports: ReportOfStudy[] }>(`/studies/${study}/reports`, signal ? { signal } : {});
  return answer.value.reports;
}

export function readReport(id: string, signal?: AbortSignal): Promise<Answer<DeskReport>> {
  return ask<DeskReport>(at(id), signal ? { signal } : {});
}

/** Asks the gate about words that nobody has saved. */
export async function check(id: string, sentence: string | null, text: string, signal: AbortSignal): Promise<Checked> {
  const body = { sentence, text, language: /\p{Script=Han}/u.test(text) ? "zh" : "en" };
  return (await ask<Checked>(`${at(id)}/check`, { method: "POST", body, signal })).value;
}

export function decide(
  id: string,
  match: string,
  finding: string,
  decision: "accepted" | "rejected" | "undecided",
): Promise<Answer<{ decisions: Decisions; sentences?: string[] }>> {
  return ask(`${at(id)}/decisions`, { method: "POST", match, body: { finding, decision } });
}

export function saveEdits(id: string, match: string, edits: Edits): Promise<Answer<unknown>> {
  return ask(`${at(id)}/edits`, { method: "POST", match, body: edits });
}

/** What became of the structured report that a final version leaves in its study. */
export interface Delivered {
  sr?: { stored: boolean; error?: string };
}

export function sign(id: string, match: string, state: "preliminary" | "final"): Promise<Answer<Delivered>> {
  return ask(`${at(id)}/sign`, { method: "POST", match, body: { state } });
}

export function addAddendum(id: string, match: string, text: string, reason: string): Promise<Answer<unknown>> {
  return ask(`${at(id)}/addendum`, { method: "POST", match, body: { text, reason } });
}

export async function compare(id: string, from: number, to: number, signal?: AbortSignal): Promise<Change[]> {
  const path = `${at(id)}/compare?from=${from}&to=${to}`;
  return (await ask<{ changes: Change[] }>(path, signal ? { signal } : {})).value.changes;
}

export function formAddress(id: string, form: Form): string {
  return `/api${at(id)}/forms/${form}`;
}
