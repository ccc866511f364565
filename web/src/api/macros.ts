/** The account's own pieces of text (`/api/macros`). */

import type { Heading } from "./report";
import { ask } from "./request";

export interface Macro {
  name: string;
  heading: Heading;
  text: string;
  modality: string | null;
  body_part: string | null;
}

export async function readMacros(signal?: AbortSignal): Promise<Macro[]> {
  return (await ask<{ macros: Macro[] }>("/macros", signal ? { signal } : {})).value.macros;
}

export async function saveMacros(macros: Macro[]): Promise<void> {
  await ask("/macros", { method: "PUT", body: { macros } });
}
