import { useEffect, useState } from "react";

import { type DataSet, TAGS, text } from "../dicom/json";
import { searchSeries, searchStudies } from "../dicom/web";
import { type SeriesLine, seriesLine } from "./series";

export interface Study {
  /** Patient and study, as a search answers. */
  header: DataSet;
  lines: SeriesLine[];
}

export type Loaded<T> = { state: "loading" } | { state: "failed"; why: string } | { state: "there"; value: T };

async function load(uid: string, signal: AbortSignal): Promise<Study> {
  const query = new URLSearchParams({ StudyInstanceUID: uid, includefield: "StudyDescription" });
  const [studies, series] = await Promise.all([searchStudies(query, signal), searchSeries(uid, signal)]);
  const lines = series.map(seriesLine).sort((one, other) => (one.number ?? 0) - (other.number ?? 0));
  // The study of the address holds for lines that repeat it not.
  return { header: studies[0] ?? {}, lines: lines.map((line) => ({ ...line, study: uid })) };
}

/** The series of a study, asked for again for each new `time`, while what was there stays; nothing for no study. */
export function useStudy(uid: string | undefined, time = 0): Loaded<Study> {
  const [found, setFound] = useState<{ uid: string; loaded: Loaded<Study> }>();
  useEffect(() => {
    if (uid === undefined) return undefined;
    const ended = new AbortController();
    load(uid, ended.signal).then(
      (value) => setFound({ uid, loaded: { state: "there", value } }),
      (error: unknown) => {
        if (!ended.signal.aborted) {
          setFound({ uid, loaded: { state: "failed", why: error instanceof Error ? error.message : "" } });
        }
      },
    );
    return () => ended.abort();
  }, [uid, time]);
  return found !== undefined && found.uid === uid ? found.loaded : { state: "loading" };
}

/** The other studies of a patient, newest first. */
export function usePriors(header: DataSet): DataSet[] {
  const [priors, setPriors] = useState<DataSet[]>([]);
  const patientId = text(header, TAGS.patientId);
  const study = text(header, TAGS.studyInstanceUid);
  useEffect(() => {
    if (patientId === "") return undefined;
    const ended = new AbortController();
    const query = new URLSearchParams({ PatientID: patientId, includefield: "StudyDescription", limit: "50" });
    searchStudies(query, ended.signal).then(
      (found) =>
        setPriors(
          found
            .filter((one) => text(one, TAGS.studyInstanceUid) !== study && text(one, TAGS.patientId) === patientId)
            .sort((one, other) => text(other, TAGS.studyDate).localeCompare(text(one, TAGS.studyDate))),
        ),
      () => undefined,
    );
    return () => ended.abort();
  }, [patientId, study]);
  return priors;
}
