/** The archive's own addresses below `/api`: JSON, and refusals in a sentence. */

import { Refused, SIGNED_OUT } from "../dicom/web";

/** A refusal because somebody else changed the thing first (412). */
export class Conflicted extends Refused {
  readonly by: string;
  readonly version: number | undefined;

  constructor(sentence: string, by: string, version: number | undefined) {
    super(412, sentence);
    this.name = "Conflicted";
    this.by = by;
    this.version = version;
  }
}

export interface Asked {
  method?: "GET" | "POST" | "PUT" | "DELETE";
  /** What is sent, as JSON. */
  body?: unknown;
  /** What is sent as it is, in its own media type. */
  text?: { type: string; table: string };
  /** The ETag that the change is made to. */
  match?: string;
  signal?: AbortSignal;
}

export interface Answer<T> {
  value: T;
  etag: string;
}

async function refusal(response: Response): Promise<Refused> {
  let told: { error?: unknown; detail?: unknown; by?: unknown; version?: unknown } = {};
  try {
    told = (await response.json()) as typeof told;
  } catch {
    // No JSON: the status has to do.
  }
  const sentence = [told.error, told.detail].find((one): one is string => typeof one === "string");
  const words = sentence ?? `${response.status} ${response.statusText}`;
  if (response.status !== 412) return new Refused(response.status, words);
  const version = typeof told.version === "number" ? told.version : undefined;
  return new Conflicted(words, typeof told.by === "string" ? told.by : "", version);
}

/** Asks an address. Throws `Refused`, of which `Conflicted` is one; `TypeError` where the archive does not answer. */
export async function ask<T>(path: string, { method = "GET", body, text, match, signal }: Asked = {}): Promise<Answer<T>> {
  const headers: Record<string, string> = { Accept: "application/json" };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  if (text !== undefined) headers["Content-Type"] = text.type;
  if (match !== undefined) headers["If-Match"] = match;
  const response = await fetch(`/api${path}`, {
    method,
    headers,
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    ...(text === undefined ? {} : { body: text.table }),
    ...(signal ? { signal } : {}),
  });
  if (response.status === 401) window.dispatchEvent(new Event(SIGNED_OUT));
  if (!response.ok) throw await refusal(response);
  const value: unknown = response.status === 204 ? undefined : await response.json();
  return { value: value as T, etag: response.headers.get("ETag") ?? "" };
}

/** Whether an archive has no such address. */
export function isMissing(error: unknown): boolean {
  return error instanceof Refused && error.status === 404;
}

/** What went wrong, in a sentence: the archive's own, or that it does not answer. */
export function sentenceOf(error: unknown, unreachable: string): string {
  if (error instanceof TypeError) return unreachable;
  return error instanceof Error ? error.message : unreachable;
}
