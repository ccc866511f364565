/** Sending studies to stations and archives (`/api/destinations`, `/api/studies/UID/send`). */

import type { Job } from "./jobs";
import { ask } from "./request";

/** Where studies may be sent to, as the configuration has it. */
export async function destinations(signal?: AbortSignal): Promise<string[]> {
  return (await ask<{ destinations: string[] }>("/destinations", signal ? { signal } : {})).value.destinations;
}

/** Has a study sent; gives the job that does it. */
export async function send(study: string, to: string, deidentify: boolean): Promise<Job> {
  return (await ask<Job>(`/studies/${study}/send`, { method: "POST", body: { to, deidentify } })).value;
}

export async function job(id: Job["id"], signal?: AbortSignal): Promise<Job> {
  return (await ask<Job>(`/jobs/${encodeURIComponent(String(id))}`, signal ? { signal } : {})).value;
}
