import { Fragment } from "react";

import type { WorklistRow } from "../api/worklist";
import { date, nameOf, time } from "../dicom/show";
import { useLanguage, useWords } from "../language/language";
import { routeAddress } from "../route";
import { isSigned, minutesSince, percent, type RowState, rowState, service, waited } from "./triage";

interface Props {
  row: WorklistRow;
  /** In milliseconds. */
  now: number;
  onRead: (name: string) => void;
}

const UNDER_WAY: readonly RowState[] = ["queued", "running"];

export function ReadingRow({ row, now, onRead }: Props) {
  const words = useWords();
  const { language } = useLanguage();
  const [first] = row.reports;
  const study = routeAddress({ at: "study", study: row.study });
  const address = first ? routeAddress({ at: "report", study: row.study, report: first.id }) : study;
  const written = nameOf(row.patient_name, language);
  const name = written === "" ? words.worklist.noName : written;
  const state = rowState(row);
  const minutes = minutesSince(row.arrived, now);
  const aim = service(minutes, row.triage?.level, isSigned(row));
  const act = first ? words.list.readAgain : words.list.read;
  const what = `${name}, ${row.description}`;
  return (
    // The links in the cells are for the keyboard; a click anywhere else in the row opens the report, or else the images.
    <tr onClick={() => (window.location.hash = address)} data-study={row.study}>
      <td className="triage">
        {row.triage && (
          <>
            <span className={`level ${row.triage.level}`}>{words.list.levels[row.triage.level]}</span>
            <span className="why">{row.triage.reason}</span>
            {row.triage.probability !== null && <span className="hidden">{percent(row.triage.probability)}</span>}
          </>
        )}
      </td>
      <td>
        <span className={`state ${state}`}>{words.list.rowStates[state]}</span>
        {row.reading?.error && <span className="why">{row.reading.error}</span>}
      </td>
      <td className="date">
        {waited(minutes, words.list.units)} <span className={`service ${aim}`}>{words.list.services[aim]}</span>
      </td>
      <td>
        <a href={study}>{name}</a>
      </td>
      <td>{row.patient_id}</td>
      <td>
        {row.description}
        <span className="why">
          {[[date(row.date), time(row.time)].join(" ").trim(), row.accession, words.list.images(row.instances)]
            .filter((part) => part !== "")
            .join(" · ")}
        </span>
      </td>
      <td>{row.modalities.join(", ")}</td>
      <td className="acts">
        {row.reports.map((report) => (
          <Fragment key={report.id}>
            <a
              className="act"
              href={routeAddress({ at: "report", study: row.study, report: report.id })}
              aria-label={words.list.openReportOf(`${report.title}, ${name}`)}
              title={report.title}
              onClick={(event) => event.stopPropagation()}
            >
              {words.list.openReport}
            </a>{" "}
          </Fragment>
        ))}
        {!UNDER_WAY.includes(state) && !isSigned(row) && (
          <button
            type="button"
            aria-label={words.list.readOf(act, what)}
            onClick={(event) => {
              event.stopPropagation();
              onRead(name);
            }}
          >
            {act}
          </button>
        )}
      </td>
    </tr>
  );
}
