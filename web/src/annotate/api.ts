/** Projects of annotation (`/api/annotations`, docs/annotate.md). */

import { ask } from "../api/request";
import type { DataSet } from "../dicom/json";
import { fetched } from "../dicom/web";

export interface Choice {
  key: string;
  name: string;
  normal: boolean;
}

export interface Structure {
  key: string;
  name: string;
  abnormal: boolean;
}

export type Question =
  | { kind: "labels"; labels: Choice[]; multiple: boolean }
  | { kind: "outline"; structures: Structure[] };

export interface Part {
  account: string;
  open: number;
  started: number;
  done: number;
  skipped: number;
}

export interface Project {
  id: string;
  title: string;
  instructions?: string;
  question: Question;
  state: "open" | "closed";
  made: string;
  made_by: string;
  annotators: string[];
  adjudicators: string[];
  annotators_per_item: number;
  blinded: boolean;
  order: "given" | "random" | "ranking";
  progress: { items: number; answered: number; decided: number; gone: number; annotators: Part[] };
  own: { account: string; annotates: boolean; adjudicates: boolean; manages: boolean };
}

export type TaskState = "open" | "started" | "done" | "skipped";

export interface Task {
  item: number;
  score: number | null;
  reason: string;
  state: TaskState;
  version: number;
}

/** A closed line, or pixels in runs, of a structure on one frame. */
export interface Outline {
  image: number;
  frame: number;
  structure: string;
  contours?: [number, number][][];
  runs?: [number, number][];
}

export interface Answer {
  labels?: string[];
  outlines?: Outline[];
  comment?: string;
}

export interface Version {
  version: number;
  by: string;
  at: string;
  sha256: string;
  answer: Answer | null;
  skipped: string | null;
  taken_from: string | null;
}

export interface Size {
  columns: number;
  rows: number;
  frames: number;
}

export interface Item {
  item: number;
  score: number | null;
  reason: string;
  images: Size[];
  state: TaskState | null;
  answer?: Version | null;
  study?: { study: string; series: string; instance: string };
}

export interface Answers {
  item: number;
  answers: { account: string; state: TaskState; answer: Version | null }[];
  final: Version | null;
}

export interface Interval {
  kappa: number;
  low: number;
  high: number;
}

export interface LabelTable {
  label: string | null;
  classes: string[];
  pairs: {
    annotators: [string, string];
    items: number;
    counts: number[][];
    agreed: [number, number, number];
    kappa: Interval | null;
    kappa_missing: string | null;
  }[];
  fleiss: Interval | null;
  fleiss_items: number;
  fleiss_raters: number;
  fleiss_missing: string | null;
}

export interface OutlineTable {
  structure: string;
  annotators: [string, string];
  items: number;
  outlined: [number, number, number, number];
  dice: { mean: number; interval: [number, number] | null; items: number } | null;
  hausdorff_95_mm: number | null;
  hausdorff_95_pixels: number | null;
}

/** With the items that were decided, and those that one person skipped and another answered. */
export type Agreement = { decided: number[]; skipped: number[] } & (
  | { kind: "labels"; agreement: { tables: LabelTable[]; items: { item: number; answers: number; share: number }[] } }
  | { kind: "outline"; agreement: { tables: OutlineTable[]; items: { item: number; answers: number; least_dice: number }[] } }
);

const at = (project: string, rest = "") => `/annotations/${project}${rest}`;
const given = (signal?: AbortSignal) => (signal ? { signal } : {});

export async function readProjects(signal?: AbortSignal): Promise<{ projects: Project[]; may_make: boolean }> {
  return (await ask<{ projects: Project[]; may_make: boolean }>("/annotations", given(signal))).value;
}

export async function readProject(project: string, signal?: AbortSignal): Promise<Project> {
  return (await ask<Project>(at(project), given(signal))).value;
}

export async function makeProject(body: unknown): Promise<Project> {
  return (await ask<Project>("/annotations", { method: "POST", body })).value;
}

export async function setState(project: string, state: Project["state"]): Promise<void> {
  await ask(at(project, "/state"), { method: "POST", body: { state } });
}

export async function setOrder(project: string, body: { order: string; seed: number }): Promise<void> {
  await ask(at(project, "/order"), { method: "PUT", body });
}

/** Orders items by a table of `wilhelm fewshot rank`; gives how many it names. */
export async function setRanking(project: string, table: string): Promise<number> {
  const answer = await ask<{ ranked: number }>(at(project, "/order"), { method: "PUT", text: { type: "text/csv", table } });
  return answer.value.ranked;
}

export async function readTasks(project: string, signal?: AbortSignal): Promise<Task[]> {
  return (await ask<{ tasks: Task[] }>(at(project, "/tasks"), given(signal))).value.tasks;
}

export interface Tagged<T> {
  value: T;
  etag: string;
}

export function readItem(project: string, item: number, signal?: AbortSignal): Promise<Tagged<Item>> {
  return ask<Item>(at(project, `/items/${item}`), given(signal));
}

export function readAnswers(project: string, item: number, signal?: AbortSignal): Promise<Tagged<Answers>> {
  return ask<Answers>(at(project, `/items/${item}/answers`), given(signal));
}

export async function readAgreement(project: string, signal?: AbortSignal): Promise<Agreement> {
  return (await ask<Agreement>(at(project, "/agreement"), given(signal))).value;
}

export async function start(project: string, item: number): Promise<void> {
  await ask(at(project, `/items/${item}/start`), { method: "POST" });
}

export type Given = { answer: Answer } | { skipped: string };

export async function sendAnswer(project: string, item: number, match: string, body: Given): Promise<void> {
  await ask(at(project, `/items/${item}/answer`), { method: "POST", body, match });
}

export type Decided = Given | { taken_from: string };

export async function sendFinal(project: string, item: number, match: string, body: Decided): Promise<void> {
  await ask(at(project, `/items/${item}/final`), { method: "POST", body, match });
}

export async function itemHeaders(project: string, item: number, signal?: AbortSignal): Promise<DataSet[]> {
  const response = await fetched(`/api${at(project, `/items/${item}/images`)}`, "application/json", signal);
  return (await response.json()) as DataSet[];
}

/** Where a frame is given, both counted from 1. */
export function frameAddress(project: string, item: number, image: number, frame: number): string {
  return `/api${at(project, `/items/${item}/images/${image}/frames/${frame}`)}`;
}

export function trainingSetAddress(project: string): string {
  return `/api${at(project, "/training-set")}`;
}

export function unlabeledAddress(project: string): string {
  return `/api${at(project, "/unlabeled-images")}`;
}
