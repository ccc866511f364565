import { SIGNED, signerName } from "../api/report";
import type { DeskReport } from "../api/reports";
import { moment } from "../dicom/show";
import { useLanguage, useWords } from "../language/language";
import { ExportMenu } from "./export-menu";

export type Asked = "sign" | "addendum" | "reason" | "help" | "template";

interface Props {
  report: DeskReport;
  /** How many changes are not saved. */
  unsaved: number;
  busy: boolean;
  onSave: () => void;
  onDiscard: () => void;
  onAsk: (what: Asked) => void;
}

/** Title, state and version of a report, and what can be done to the whole of it. */
export function DeskHeader({ report: { id, version, report }, unsaved, busy, onSave, onDiscard, onAsk }: Props) {
  const words = useWords();
  const { language } = useLanguage();
  const isSigned = SIGNED.includes(report.state);
  const signature = report.signatures?.at(-1);
  return (
    <header className="desk-head">
      <h2>{report.title}</h2>
      <p>
        <span className={`state ${report.state}`} data-testid="state">
          {words.desk.states[report.state]}
        </span>{" "}
        <span data-testid="version">{words.desk.version(version)}</span>
        {signature && (
          <span className="note">
            {" "}
            · {signerName(signature.by)}, {moment(signature.at, language)}
          </span>
        )}
      </p>
      <p className="note">{report.disclaimer}</p>
      <div className="choices">
        <button type="button" className={unsaved > 0 ? "primary" : undefined} disabled={unsaved === 0 || busy} onClick={onSave}>
          {unsaved > 0 ? words.desk.saveCount(unsaved) : words.desk.save}
        </button>
        {unsaved > 0 && (
          <button type="button" disabled={busy} onClick={onDiscard}>
            {words.desk.discard}
          </button>
        )}
        {!isSigned && (
          <button type="button" disabled={busy || unsaved > 0} title={unsaved > 0 ? words.desk.signUnsaved : undefined} onClick={() => onAsk("sign")}>
            {words.desk.sign}
          </button>
        )}
        {isSigned && (
          <button type="button" disabled={busy || unsaved > 0} title={unsaved > 0 ? words.desk.signUnsaved : undefined} onClick={() => onAsk("addendum")}>
            {words.desk.addendum}
          </button>
        )}
        {!isSigned && (
          <button type="button" disabled={busy} onClick={() => onAsk("template")}>
            {words.template.open}
          </button>
        )}
        <ExportMenu report={id} />
        <button type="button" onClick={() => onAsk("help")}>
          {words.desk.keys}
        </button>
      </div>
    </header>
  );
}
