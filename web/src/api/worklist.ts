/** The reading worklist (`/api/worklist`). */

import { ask } from "./request";
import type { JobState } from "./jobs";
import type { ReportState } from "./report";

export interface Reading {
  job: string;
  state: JobState;
  error: string | null;
}

export interface ReportLine {
  id: string;
  title: string;
  state: ReportState;
  version: number;
  updated: string;
}

export const LEVELS = ["urgent", "soon", "routine"] as const;
export type Level = (typeof LEVELS)[number];

export interface Triage {
  level: Level;
  reason: string;
  probability: number | null;
}

export interface WorklistRow {
  study: string;
  patient_name: string;
  patient_id: string;
  birth_date: string;
  sex: string;
  date: string;
  time: string;
  description: string;
  accession: string;
  modalities: string[];
  arrived: string;
  instances: number;
  reading: Reading | null;
  reports: ReportLine[];
  triage: Triage | null;
}

export interface WorklistPage {
  total: number;
  rows: WorklistRow[];
}

export interface WorklistSearch {
  state: string;
  modality: string;
  text: string;
}

export async function worklist(search: WorklistSearch, limit: number, offset: number, signal?: AbortSignal): Promise<WorklistPage> {
  const query = new URLSearchParams();
  for (const [key, value] of Object.entries(search) as [string, string][]) {
    if (value.trim() !== "") query.set(key, value.trim());
  }
  query.set("limit", String(limit));
  query.set("offset", String(offset));
  return (await ask<WorklistPage>(`/worklist?${query.toString()}`, signal ? { signal } : {})).value;
}

/** Has a study read; gives the job's name. */
export async function haveRead(study: string): Promise<string> {
  return (await ask<{ job: string }>(`/studies/${study}/read`, { method: "POST", body: {} })).value.job;
}
