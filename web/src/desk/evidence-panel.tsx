import type { Evidence, Finding, Report } from "../api/report";
import type { Place } from "../api/reports";
import { moment } from "../dicom/show";
import { useLanguage, useWords } from "../language/language";
import { percent } from "../worklist/triage";
import { FusionTable } from "./fusion-table";
import { Cited, PassageDetails, StatementDetails } from "./known";
import { Probability } from "./probability";

interface Props {
  report: Report;
  places: Record<string, Place | undefined>;
  /** What bears the chosen sentence, by name; `undefined` where none is chosen. */
  bears: string[] | undefined;
  /** The evidence whose place is shown on the image. */
  shown: string | undefined;
  onShow: (evidence: string) => void;
}

/** Whether a place can be shown on an image. */
export function isOnImage(place: Place | undefined): place is Place & { instance: string } {
  return place !== undefined && place.instance !== null;
}

export function EvidencePanel({ report, places, bears, shown, onShow }: Props) {
  const words = useWords();
  if (bears === undefined) return <p className="note">{words.desk.noEvidence}</p>;
  const found = bears.flatMap((id) => report.evidence.find((one) => one.id === id) ?? []);
  if (found.length === 0) return <p className="note">{words.desk.noneBears}</p>;
  return (
    <ul className="evidence" aria-label={words.desk.evidenceOf}>
      {found.map((one) => (
        <li key={one.id} data-evidence={one.id}>
          <p>
            <strong>{words.desk.kinds[one.source.kind]}</strong> <span className="note">{one.id}</span>{" "}
            {isOnImage(places[one.id]) && (
              <button type="button" aria-pressed={shown === one.id} onClick={() => onShow(one.id)}>
                {words.desk.show}
              </button>
            )}
          </p>
          <p>{places[one.id]?.words ?? one.summary}</p>
          {places[one.id] !== undefined && places[one.id]?.words !== one.summary && <p className="note">{one.summary}</p>}
          <Details evidence={one} findings={report.findings} />
        </li>
      ))}
    </ul>
  );
}

function Details({ evidence: { id, source }, findings }: { evidence: Evidence; findings: readonly Finding[] }) {
  const words = useWords();
  const { language } = useLanguage();
  const own = findings.filter((finding) => finding.evidence.includes(id));
  switch (source.kind) {
    case "model":
      return (
        <>
          <p>
            {source.model} {source.version}{" "}
            <span className="note">{words.desk.weights(source.weights_sha256.slice(0, 12))}</span>
          </p>
          {own.map((finding) => (
            <Probability key={finding.id} name={finding.observation.name} probability={finding.probability} />
          ))}
        </>
      );
    case "measurement":
      return (
        <>
          <p>{source.method}</p>
          {findings
            .flatMap((finding) => finding.measurements.filter((one) => one.evidence === id))
            .map(({ name, quantity }) => (
              <p key={name}>
                {name}: {quantity.value.toFixed(quantity.decimals)} {quantity.unit}
              </p>
            ))}
        </>
      );
    case "header":
      return (
        <p className="note">
          {words.desk.attributes}: {source.attributes.join(", ")}
        </p>
      );
    case "patient_text":
      return <p className="note">{words.desk.line(source.line)}</p>;
    case "rule":
      return (
        <>
          <p className="note">
            <Cited words={source.citation} />
          </p>
          {source.version != null && <p className="note">{words.desk.ruleVersion(source.version)}</p>}
          {source.statement != null && <p className="note">{words.desk.inKnowledge(source.statement)}</p>}
        </>
      );
    case "statement":
      return <StatementDetails statement={source} />;
    case "passage":
      return <PassageDetails passage={source} />;
    case "fusion":
      return (
        <>
          <p>{words.desk.fusionFrom(percent(source.before), percent(source.after))}</p>
          <FusionTable contributions={source.contributions} />
        </>
      );
    case "person":
      return (
        <p>
          {source.name}, {moment(source.at, language)}
        </p>
      );
  }
}
