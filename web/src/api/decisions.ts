/** What people decided on findings, by finding and model (`/api/decisions/summary`). */

import { ask } from "./request";

/** A share with its Wilson interval of 95 %, each from 0 to 1. */
export interface Share {
  count: number;
  share: number;
  low: number;
  high: number;
}

export interface DecisionRow {
  /** Key of what was looked for. */
  key: string;
  /** The same in words. */
  name: string;
  model: string;
  version: string | null;
  /** How many were decided. */
  total: number;
  accepted: Share;
  rejected: Share;
  edited: Share;
}

export async function decisionSummary(signal?: AbortSignal): Promise<DecisionRow[]> {
  return (await ask<{ rows: DecisionRow[] }>("/decisions/summary", signal ? { signal } : {})).value.rows;
}
