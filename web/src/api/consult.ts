/** Consultations (docs/consult.md): made by an account, opened by a link, looked at together. */

import { ask } from "./request";

export type GuestRole = "viewer" | "second-reader";
export type Agreement = "agrees" | "differs" | "adds";

export interface Consultation {
  id: string;
  study: string;
  state: "open" | "over" | "ended";
  by: string;
  made: string;
  until: string;
  role: GuestRole;
  hides_patient: boolean;
  shows_reports: boolean;
  opens: number;
  opened: number;
  question?: string;
}

/** What a note points at; the point in columns and rows, 0 at the center of the first pixel. */
export interface Anchor {
  instance: string;
  frame: number;
  point?: readonly [number, number];
}

export interface Note {
  number: number;
  by: string;
  guest: boolean;
  at: string;
  text: string;
  anchor: Anchor | null;
}

export interface Opinion {
  number: number;
  consultation: string;
  by: string;
  guest: boolean;
  invited_by: string | null;
  at: string;
  agreement: Agreement;
  report: { id: string; version: number } | null;
  text: string;
  in_study: boolean;
}

export interface Thread extends Consultation {
  question: string;
  guests: { name: string; since: string; left: boolean }[];
  notes: Note[];
  opinions: Opinion[];
  reports: { id: string; title: string; state: string; version: number; text: string }[];
}

/** What somebody looks at. */
export interface View {
  series: string;
  instance: string;
  frame: number;
  window?: readonly [number, number];
  zoom?: number;
  pan?: readonly [number, number];
  cursor?: readonly [number, number];
}

export interface Asking {
  question: string;
  role: GuestRole;
  hours: number;
  opens: number;
  hides_patient: boolean;
  shows_reports: boolean;
}

const of = (id: string) => `/consultations/${encodeURIComponent(id)}`;

export async function invite(study: string, asked: Asking): Promise<Consultation & { link: string }> {
  return (await ask<Consultation & { link: string }>(`/studies/${study}/consultations`, { method: "POST", body: asked })).value;
}

export async function consultationsOf(study: string, signal?: AbortSignal): Promise<Consultation[]> {
  const asked = await ask<{ consultations: Consultation[] }>(`/studies/${study}/consultations`, signal ? { signal } : {});
  return asked.value.consultations;
}

export async function allConsultations(signal?: AbortSignal): Promise<Consultation[]> {
  return (await ask<{ consultations: Consultation[] }>("/consultations", signal ? { signal } : {})).value.consultations;
}

export async function readThread(id: string, signal?: AbortSignal): Promise<Thread> {
  return (await ask<Thread>(of(id), signal ? { signal } : {})).value;
}

export async function revoke(id: string): Promise<void> {
  await ask(`${of(id)}/revoke`, { method: "POST" });
}

export async function writeNote(id: string, text: string, anchor: Anchor | undefined): Promise<void> {
  await ask(`${of(id)}/notes`, { method: "POST", body: { text, ...(anchor ? { anchor } : {}) } });
}

export interface NewOpinion {
  agreement: Agreement;
  text: string;
  report?: { id: string; version: number };
  image?: Anchor;
}

export async function giveOpinion(id: string, opinion: NewOpinion): Promise<Opinion> {
  return (await ask<Opinion>(`${of(id)}/opinions`, { method: "POST", body: opinion })).value;
}

export async function opinionsOf(study: string, signal?: AbortSignal): Promise<Opinion[]> {
  return (await ask<{ opinions: Opinion[] }>(`/studies/${study}/opinions`, signal ? { signal } : {})).value.opinions;
}

export async function tellView(id: string, view: View): Promise<void> {
  await ask(`${of(id)}/presence`, { method: "POST", body: view });
}

export const eventsOf = (id: string): string => `/api${of(id)}/events`;

export interface AlsoOpen {
  name: string;
  you: boolean;
}

/** Says that a report is open in a window; gives who else has it open. */
export async function sayOpen(report: string, window: string): Promise<AlsoOpen[]> {
  const path = `/reports/${encodeURIComponent(report)}/open`;
  return (await ask<{ also: AlsoOpen[] }>(path, { method: "PUT", body: { window } })).value.also;
}

export async function sayClosed(report: string, window: string): Promise<void> {
  await ask(`/reports/${encodeURIComponent(report)}/open`, { method: "DELETE", body: { window } });
}
