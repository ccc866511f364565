/** DICOM JSON Model (PS3.18 Annex F): what the archive answers, and how values are taken out of it. */

export interface PersonNameValue {
  Alphabetic?: string;
  Ideographic?: string;
  Phonetic?: string;
}

export type Value = string | number | PersonNameValue | DataSet | null;

export interface Attribute {
  vr: string;
  Value?: Value[];
  BulkDataURI?: string;
  InlineBinary?: string;
}

/** Attributes by their eight hexadecimal digits. */
export interface DataSet {
  [tag: string]: Attribute | undefined;
}

export const TAGS = {
  sopClassUid: "00080016",
  sopInstanceUid: "00080018",
  studyDate: "00080020",
  seriesDate: "00080021",
  studyTime: "00080030",
  accessionNumber: "00080050",
  modality: "00080060",
  modalitiesInStudy: "00080061",
  studyDescription: "00081030",
  seriesDescription: "0008103E",
  patientName: "00100010",
  patientId: "00100020",
  patientBirthDate: "00100030",
  patientSex: "00100040",
  bodyPartExamined: "00180015",
  studyInstanceUid: "0020000D",
  seriesInstanceUid: "0020000E",
  seriesNumber: "00200011",
  instanceNumber: "00200013",
  patientOrientation: "00200020",
  imagePosition: "00200032",
  imageOrientation: "00200037",
  frameOfReferenceUid: "00200052",
  numberOfStudyRelatedSeries: "00201206",
  numberOfStudyRelatedInstances: "00201208",
  numberOfSeriesRelatedInstances: "00201209",
  samplesPerPixel: "00280002",
  numberOfFrames: "00280008",
  rows: "00280010",
  columns: "00280011",
  pixelSpacing: "00280030",
  bitsAllocated: "00280100",
  windowCenter: "00281050",
  windowWidth: "00281051",
  windowExplanation: "00281055",
} as const;

function isDataSet(value: Value): value is DataSet {
  return typeof value === "object" && value !== null;
}

/** The first value as text; empty where there is none. Of a person's name, the first group that is filled. */
export function text(data: DataSet, tag: string): string {
  return texts(data, tag)[0] ?? "";
}

/** All values as text. */
export function texts(data: DataSet, tag: string): string[] {
  return (data[tag]?.Value ?? []).map((value) => {
    if (typeof value === "string") return value.trim();
    if (typeof value === "number") return String(value);
    if (value === null) return "";
    const name = value as PersonNameValue;
    return name.Alphabetic ?? name.Ideographic ?? name.Phonetic ?? "";
  });
}

/** All values as numbers; a value that is none is left out. */
export function numbers(data: DataSet, tag: string): number[] {
  return texts(data, tag)
    .filter((value) => value !== "")
    .map(Number)
    .filter(Number.isFinite);
}

/** The first value as a number, or `undefined`. */
export function number(data: DataSet, tag: string): number | undefined {
  return numbers(data, tag)[0];
}

/** The items of a sequence. */
export function items(data: DataSet, tag: string): DataSet[] {
  return (data[tag]?.Value ?? []).filter(isDataSet);
}
