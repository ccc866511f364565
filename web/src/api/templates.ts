/** What a report of each type of study goes through (`/api/templates`). */

import { ask } from "./request";

export interface TemplateItem {
  key: string;
  asks: string;
  kind: "finding" | "measurement" | "choice" | "text";
  unit?: string;
  values?: string[];
}

export interface Template {
  id: string;
  version: string;
  title: string;
  modalities: string[];
  body_parts: string[];
  section: { title: string; item: TemplateItem[] }[];
}

export async function readTemplates(signal?: AbortSignal): Promise<Template[]> {
  return (await ask<{ templates: Template[] }>("/templates", signal ? { signal } : {})).value.templates;
}
