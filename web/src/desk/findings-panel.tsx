import type { Finding } from "../api/report";
import type { Decisions, DecisionWord } from "../api/reports";
import { moment } from "../dicom/show";
import { useLanguage, useWords } from "../language/language";
import { Probability } from "./probability";

export type Choice = "accepted" | "rejected" | "undecided";
const CHOICES: readonly Choice[] = ["accepted", "rejected", "undecided"];

interface Props {
  findings: readonly Finding[];
  decisions: Decisions;
  shownAs: (finding: string) => DecisionWord | "undecided";
  abstentions: readonly { model: string; reason: string }[];
  /** Whether the report is signed, so that decisions stand as they are. */
  locked: boolean;
  onDecide: (finding: Finding, choice: Choice) => void;
}

/** What was looked for, with its probability, and what a person decides on it. */
export function FindingsPanel({ findings, decisions, shownAs, abstentions, locked, onDecide }: Props) {
  const words = useWords();
  const { language } = useLanguage();
  const verbs = { accepted: words.desk.accept, rejected: words.desk.reject, undecided: words.desk.undecided };
  return (
    <>
      {findings.length === 0 && <p className="note">{words.desk.noFindings}</p>}
      <ul className="evidence" aria-label={words.desk.findings}>
        {findings.map((finding) => {
          const decision = decisions[finding.id];
          const now = shownAs(finding.id);
          return (
            <li key={finding.id} data-finding={finding.id}>
              <p>
                <strong>{finding.observation.name}</strong> {words.desk.certainties[finding.certainty]}
                {finding.laterality && `, ${words.desk.lateralities[finding.laterality]}`}
              </p>
              <Probability probability={finding.probability} />
              {finding.measurements.map(({ name, quantity }) => (
                <p key={name}>
                  {name}: {quantity.value.toFixed(quantity.decimals)} {quantity.unit}
                </p>
              ))}
              <div className="choices" role="group" aria-label={words.desk.decisionOf(finding.observation.name)}>
                {CHOICES.map((choice) => (
                  <button key={choice} type="button" aria-pressed={now === choice} disabled={locked} onClick={() => onDecide(finding, choice)}>
                    {verbs[choice]}
                  </button>
                ))}
              </div>
              {decision && now === decision.decision && (
                <p className="note">
                  {words.desk.decidedBy(words.desk.decisions[decision.decision], decision.by, moment(decision.at, language))}
                </p>
              )}
            </li>
          );
        })}
      </ul>
      {abstentions.length > 0 && (
        <p className="note">
          {words.desk.notRead} {abstentions.map(({ model, reason }) => `${model} (${reason})`).join("; ")}
        </p>
      )}
    </>
  );
}
