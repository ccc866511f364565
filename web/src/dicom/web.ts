/** The archive's DICOMweb services (docs/archive.md), same origin. */

import type { DataSet } from "./json";

const BASE = "/dicom-web";

/** What the archive refused, in its own sentence. */
export class Refused extends Error {
  readonly status: number;

  constructor(status: number, detail: string) {
    super(detail);
    this.name = "Refused";
    this.status = status;
  }
}

/** The sentence of a refusal. */
export async function detail(response: Response): Promise<string> {
  try {
    const problem = (await response.json()) as { detail?: unknown };
    if (typeof problem.detail === "string") return problem.detail;
  } catch {
    // No problem document: the status has to do.
  }
  return `${response.status} ${response.statusText}`;
}

/** What the window hears where a session has ended. */
export const SIGNED_OUT = "wilhelm-signed-out";

export async function fetched(path: string, accept: string, signal?: AbortSignal): Promise<Response> {
  const response = await fetch(path, { headers: { Accept: accept }, ...(signal ? { signal } : {}) });
  if (response.status === 401) window.dispatchEvent(new Event(SIGNED_OUT));
  if (!response.ok) throw new Refused(response.status, await detail(response));
  return response;
}

async function dataSets(path: string, signal?: AbortSignal): Promise<DataSet[]> {
  const response = await fetched(path, "application/dicom+json", signal);
  return response.status === 204 ? [] : ((await response.json()) as DataSet[]);
}

export function searchStudies(query: URLSearchParams, signal?: AbortSignal): Promise<DataSet[]> {
  return dataSets(`${BASE}/studies?${query.toString()}`, signal);
}

export function searchSeries(study: string, signal?: AbortSignal): Promise<DataSet[]> {
  const fields = "includefield=SeriesDescription,BodyPartExamined,SeriesDate";
  return dataSets(`${BASE}/studies/${study}/series?${fields}`, signal);
}

/** The headers of every object of a series. */
export function seriesMetadata(study: string, series: string, signal?: AbortSignal): Promise<DataSet[]> {
  return dataSets(`${BASE}/studies/${study}/series/${series}/metadata`, signal);
}

/** Where a frame is given, counted from 1. */
export function frameAddress(study: string, series: string, instance: string, frame: number): string {
  return `${BASE}/studies/${study}/series/${series}/instances/${instance}/frames/${frame}`;
}

export function thumbnailAddress(study: string, series: string): string {
  return `${BASE}/studies/${study}/series/${series}/thumbnail`;
}

/** Puts an object into its study (STOW-RS). Throws `Refused` where the archive did not take it. */
export async function store(study: string, file: Uint8Array<ArrayBuffer>): Promise<void> {
  const response = await fetch(`${BASE}/studies/${study}`, {
    method: "POST",
    headers: { "Content-Type": "application/dicom", Accept: "application/dicom+json" },
    body: file,
  });
  if (response.status === 401) window.dispatchEvent(new Event(SIGNED_OUT));
  if (!response.ok) throw new Refused(response.status, await detail(response));
}

/** A whole object in Explicit VR Little Endian. */
export async function wholeObject(study: string, series: string, instance: string): Promise<Uint8Array> {
  const path = `${BASE}/studies/${study}/series/${series}/instances/${instance}`;
  const response = await fetched(path, "application/dicom");
  return new Uint8Array(await response.arrayBuffer());
}
