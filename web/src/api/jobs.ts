/** The queue and the rules that fill it (`/api/jobs`, `/api/rules`). */

import { ask } from "./request";

export const JOB_STATES = ["queued", "running", "done", "failed", "dead", "cancelled"] as const;
export type JobState = (typeof JOB_STATES)[number];

export interface Job {
  id: number | string;
  kind: string;
  study: string | null;
  state: JobState;
  attempts: number;
  most_attempts: number;
  made: string;
  started: string | null;
  ended: string | null;
  not_before: string | null;
  error: string | null;
  progress: { words: string; done: number; total: number } | null;
  by: string;
}

export interface Queue {
  jobs: Job[];
  counts: Partial<Record<JobState, number>>;
}

export interface Rule {
  name: string;
  when: string;
  then: string;
  enabled?: boolean;
  matches?: { study: string; at: string; did: string }[];
}

export interface Tried {
  name: string;
  applies: boolean;
  would: string | null;
  why: string;
}

export async function queue(state: JobState | "", limit: number, signal?: AbortSignal): Promise<Queue> {
  const query = new URLSearchParams({ limit: String(limit), ...(state === "" ? {} : { state }) });
  return (await ask<Queue>(`/jobs?${query.toString()}`, signal ? { signal } : {})).value;
}

export async function act(id: Job["id"], what: "cancel" | "retry"): Promise<void> {
  await ask(`/jobs/${encodeURIComponent(String(id))}/${what}`, { method: "POST", body: {} });
}

export async function rules(signal?: AbortSignal): Promise<Rule[]> {
  return (await ask<{ rules: Rule[] }>("/rules", signal ? { signal } : {})).value.rules;
}

/** What each rule would do to a study; nothing is done. */
export async function dryRun(study: string): Promise<Tried[]> {
  return (await ask<{ rules: Tried[] }>("/rules/dry-run", { method: "POST", body: { study } })).value.rules;
}
