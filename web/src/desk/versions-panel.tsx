import { useState } from "react";

import { signerName } from "../api/report";
import type { EarlierReport, Version } from "../api/reports";
import { moment } from "../dicom/show";
import { useLanguage, useWords } from "../language/language";
import { routeAddress } from "../route";
import { CompareDialog } from "./compare-dialog";

interface Props {
  report: string;
  versions: readonly Version[];
  earlier: readonly EarlierReport[];
}

/** The versions of a report, newest first, and the patient's earlier reports. */
export function VersionsPanel({ report, versions, earlier }: Props) {
  const words = useWords();
  const { language } = useLanguage();
  const [comparing, setComparing] = useState(false);
  return (
    <>
      <ul className="evidence" aria-label={words.desk.versions}>
        {[...versions].reverse().map((version) => (
          <li key={version.number} data-version={version.number}>
            <p>
              <strong>{words.desk.version(version.number)}</strong>{" "}
              <span className={`state ${version.state}`}>{words.desk.states[version.state]}</span>
            </p>
            <p className="note">
              {signerName(version.by)}, {moment(version.at, language)}
              {version.changes > 0 && ` · ${words.desk.changesOf(version.changes)}`}
            </p>
            {version.reason && <p>{version.reason}</p>}
          </li>
        ))}
      </ul>
      <button type="button" disabled={versions.length < 2} onClick={() => setComparing(true)}>
        {words.desk.compare}
      </button>
      {earlier.length > 0 && (
        <>
          <h3>{words.desk.earlier}</h3>
          <ul className="lines">
            {earlier.map((one) => (
              <li key={one.report}>
                <span>
                  {moment(one.at, language)} {one.title} <span className={`state ${one.state}`}>{words.desk.states[one.state]}</span>
                </span>
                <a
                  href={routeAddress({ at: "report", study: one.study, report: one.report })}
                  aria-label={words.desk.earlierOpen(one.title)}
                >
                  {words.list.openReport}
                </a>
              </li>
            ))}
          </ul>
        </>
      )}
      {comparing && <CompareDialog report={report} versions={versions} onClose={() => setComparing(false)} />}
    </>
  );
}
