import { useCallback, useState } from "react";

import type { Happening } from "../api/events";
import { isMissing, sentenceOf } from "../api/request";
import { reportsOf } from "../api/reports";
import { useFresh } from "../api/use-fresh";
import { haveRead } from "../api/worklist";
import { useWords } from "../language/language";
import { routeAddress } from "../route";

/** The study's reports at the desk, and a way to have one drafted; nothing where the archive has no desk. */
export function ReportsOfStudy({ study }: { study: string }) {
  const words = useWords();
  const [said, setSaid] = useState("");
  const [wrong, setWrong] = useState("");
  const load = useCallback((signal: AbortSignal) => reportsOf(study, signal), [study]);
  const concerns = useCallback(
    (one: Happening) =>
      one.what === "look" || (one.what === "job" ? one.job.study === study : one.what === "report" && one.study === study),
    [study],
  );
  const { value, error } = useFresh(load, concerns);
  if (value === undefined && (error === undefined || isMissing(error))) return null;

  async function read() {
    setWrong("");
    try {
      await haveRead(study);
      setSaid(words.list.rowStates.queued);
    } catch (refused) {
      setWrong(sentenceOf(refused, words.unreachable));
    }
  }

  return (
    <section aria-label={words.desk.title} data-testid="desk-reports">
      <h2>{words.desk.title}</h2>
      <ul className="lines">
        {value?.map((report) => (
          <li key={report.id}>
            <span>
              {report.title} <span className={`state ${report.state}`}>{words.desk.states[report.state]}</span>
            </span>
            <a href={routeAddress({ at: "report", study, report: report.id })} aria-label={words.list.openReportOf(report.title)}>
              {words.list.openReport}
            </a>
          </li>
        ))}
      </ul>
      {wrong !== "" && <p role="alert">{wrong}</p>}
      <button type="button" onClick={() => void read()}>
        {value?.length === 0 ? words.list.read : words.list.readAgain}
      </button>
      <p role="status" className="note">
        {said}
      </p>
    </section>
  );
}
