import type { Opinion } from "../api/consult";
import { moment } from "../dicom/show";
import { useLanguage, useWords } from "../language/language";

/** Second opinions as they were given. */
export function OpinionList({ opinions }: { opinions: readonly Opinion[] }) {
  const words = useWords();
  const { language } = useLanguage();
  return (
    <ol className="notes-of" data-testid="opinions">
      {opinions.map((one) => (
        <li key={one.number}>
          <p className="who">
            <strong>{one.by}</strong> <span className="note">{moment(one.at, language)}</span>{" "}
            <span className={`agreement ${one.agreement}`}>{words.consult.agreements[one.agreement]}</span>{" "}
            {one.report && <span className="note">{words.consult.ofVersion(one.report.version)}</span>}
          </p>
          {one.guest && <p className="note">{words.consult.invitedBy(one.invited_by ?? "")}</p>}
          <p className="said">{one.text}</p>
          {!one.in_study && <p className="note">{words.consult.notInStudy}</p>}
        </li>
      ))}
    </ol>
  );
}
