/** How values of a header are read by people. */

import { type DataSet, type PersonNameValue, TAGS } from "./json";

/** One group of a name: the family name first, as `Family, Given`; a name in ideographs without a comma. */
function group(written: string, ideographic: boolean): string {
  const parts = written.split("^").map((part) => part.trim()).filter((part) => part !== "");
  const [family, ...rest] = parts;
  if (family === undefined) return "";
  if (ideographic) return parts.join("");
  return rest.length === 0 ? family : `${family}, ${rest.join(" ")}`;
}

/** A name as DICOM writes it, its groups apart by `=`: both groups where it has one in ideographs, that of the page's language first. */
export function nameOf(written: string, language: string): string {
  const [alphabetic = "", ideographic = ""] = written.split("=");
  const groups = [group(alphabetic, false), group(ideographic, true)];
  if (language === "zh") groups.reverse();
  return groups.filter((one) => one !== "").join(" ");
}

/** A patient's name; both groups where a name has one in ideographs, that of the page's language first. */
export function patientName(data: DataSet, language: string): string {
  const value = data[TAGS.patientName]?.Value?.[0];
  if (typeof value === "string") return group(value, false);
  if (typeof value !== "object" || value === null) return "";
  const name = value as PersonNameValue;
  return nameOf(`${name.Alphabetic ?? ""}=${name.Ideographic ?? ""}`, language);
}

/** `20240131` as `2024-01-31`; anything else as it is. */
export function date(written: string): string {
  const match = /^(\d{4})(\d{2})(\d{2})$/.exec(written);
  return match ? `${match[1] ?? ""}-${match[2] ?? ""}-${match[3] ?? ""}` : written;
}

/** `093000.12` as `09:30`; anything else as it is. */
export function time(written: string): string {
  const match = /^(\d{2})(\d{2})/.exec(written);
  return match ? `${match[1] ?? ""}:${match[2] ?? ""}` : written;
}

/** An instant as RFC 3339 writes it, in the reader's own time to the minute; anything else as it is. */
export function moment(written: string, language: string): string {
  const at = new Date(written);
  if (Number.isNaN(at.getTime())) return written;
  return at.toLocaleString(language === "zh" ? "zh-Hans" : "en-GB", { dateStyle: "medium", timeStyle: "short" });
}
