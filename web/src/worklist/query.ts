/** The worklist's search as QIDO-RS asks it, and the order of what comes back. */

import { type DataSet, number, TAGS, text } from "../dicom/json";

export interface Search {
  patient: string;
  patientId: string;
  from: string;
  to: string;
  modality: string;
  accession: string;
}

export const NO_SEARCH: Search = { patient: "", patientId: "", from: "", to: "", modality: "", accession: "" };

/** Studies of one page. */
export const PAGE = 50;

/** A range of days (PS3.4 Section C.2.2.2.5) of what two fields hold, which may be empty. */
export function dateRange(from: string, to: string): string {
  const [first, last] = [from.replaceAll("-", ""), to.replaceAll("-", "")];
  if (first === "" && last === "") return "";
  return first === last ? first : `${first}-${last}`;
}

/** The parameters of a page, counted from 0. One study more than is shown tells whether there are more. */
export function studyQuery(search: Search, page: number): URLSearchParams {
  const query = new URLSearchParams();
  const keys: [string, string][] = [
    ["PatientName", search.patient],
    ["PatientID", search.patientId],
    ["StudyDate", dateRange(search.from, search.to)],
    ["ModalitiesInStudy", search.modality],
    ["AccessionNumber", search.accession],
  ];
  for (const [key, value] of keys) {
    if (value.trim() !== "") query.set(key, value.trim());
  }
  if (search.patient.trim() !== "") query.set("fuzzymatching", "true");
  query.set("includefield", "StudyDescription");
  query.set("limit", String(PAGE + 1));
  query.set("offset", String(page * PAGE));
  return query;
}

export type Column = "patient" | "patientId" | "date" | "modality" | "description" | "accession" | "series" | "objects";

const KEYS: Record<Column, (study: DataSet) => string | number> = {
  patient: (study) => text(study, TAGS.patientName).toLowerCase(),
  patientId: (study) => text(study, TAGS.patientId),
  date: (study) => text(study, TAGS.studyDate) + text(study, TAGS.studyTime),
  modality: (study) => text(study, TAGS.modalitiesInStudy),
  description: (study) => text(study, TAGS.studyDescription).toLowerCase(),
  accession: (study) => text(study, TAGS.accessionNumber),
  series: (study) => number(study, TAGS.numberOfStudyRelatedSeries) ?? 0,
  objects: (study) => number(study, TAGS.numberOfStudyRelatedInstances) ?? 0,
};

/** Studies in the order of a column; equal ones keep the order in which they came. */
export function sorted(studies: readonly DataSet[], column: Column, descending: boolean): DataSet[] {
  const key = KEYS[column];
  const sign = descending ? -1 : 1;
  return [...studies].sort((one, other) => {
    const [a, b] = [key(one), key(other)];
    if (a === b) return 0;
    return a < b ? -sign : sign;
  });
}
