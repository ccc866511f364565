/**
 * What happens in the archive, as it tells (`/api/events`), one stream for all who listen.
 *
 * Where there is no such address, or the stream breaks, listeners are told to look by themselves every few seconds. After
 * a while without a key or a pointer nothing is asked any more: each asking would keep the session from ending.
 */

import { useEffect, useRef } from "react";

import type { ReportState } from "./report";
import type { Job } from "./jobs";

export type Happening =
  | { what: "study"; study: string; instances: number }
  | { what: "job"; job: Job }
  | { what: "report"; report: string; study: string; version: number; state: ReportState; decisions: number }
  | { what: "consultation"; consultation: string; study: string; happened: string }
  | { what: "readers"; report: string; study: string; who: string[] }
  /** Time to look: nothing tells what happened. */
  | { what: "look" };

type Listener = (happening: Happening) => void;

const POLL_MS = 5000;
const IDLE_MS = 10 * 60_000;

const listeners = new Set<Listener>();
let source: EventSource | undefined;
let ticking: ReturnType<typeof setInterval> | undefined;
let touched = Date.now();
let asleep = false;

/** An event of the stream, or `undefined` where it is none that is known. */
export function happening(kind: string, data: string): Happening | undefined {
  try {
    const told = JSON.parse(data) as Record<string, unknown>;
    if (kind === "job") return { what: "job", job: told as unknown as Job };
    if (kind === "consultation") return { ...told, happened: told.what, what: "consultation" } as Happening;
    if (kind === "study" || kind === "report" || kind === "readers") return { what: kind, ...told } as Happening;
  } catch {
    // Not JSON: another version's event.
  }
  return undefined;
}

const tell = (one: Happening) => listeners.forEach((listener) => listener(one));

function open() {
  if (typeof EventSource === "undefined") return;
  const opened = new EventSource("/api/events");
  source = opened;
  for (const kind of ["study", "job", "report", "consultation", "readers"]) {
    opened.addEventListener(kind, (event) => {
      const one = happening(kind, String((event as MessageEvent<unknown>).data));
      if (one) tell(one);
    });
  }
  // What happened while the stream was away is not told again.
  opened.addEventListener("open", () => tell({ what: "look" }));
}

function touch() {
  touched = Date.now();
  if (!asleep || listeners.size === 0) return;
  asleep = false;
  open();
  tell({ what: "look" });
}

function tick() {
  if (Date.now() - touched > IDLE_MS) {
    source?.close();
    source = undefined;
    asleep = true;
  } else if (source?.readyState !== 1) {
    tell({ what: "look" });
  }
}

/** Calls back at every happening until the given function is called. */
export function listen(listener: Listener): () => void {
  if (listeners.size === 0) {
    touched = Date.now();
    asleep = false;
    open();
    ticking = setInterval(tick, POLL_MS);
    for (const kind of ["pointermove", "keydown"]) window.addEventListener(kind, touch);
  }
  listeners.add(listener);
  return () => {
    listeners.delete(listener);
    if (listeners.size > 0) return;
    source?.close();
    source = undefined;
    clearInterval(ticking);
    for (const kind of ["pointermove", "keydown"]) window.removeEventListener(kind, touch);
  };
}

/** Listens as long as a component lives. */
export function useHappenings(listener: Listener, on = true): void {
  const latest = useRef(listener);
  useEffect(() => {
    latest.current = listener;
  }, [listener]);
  useEffect(() => (on ? listen((one) => latest.current(one)) : undefined), [on]);
}
