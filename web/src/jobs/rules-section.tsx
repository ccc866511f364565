import { useState } from "react";

import { dryRun, rules, type Tried } from "../api/jobs";
import { isMissing, sentenceOf } from "../api/request";
import { useFresh } from "../api/use-fresh";
import { worklist, type WorklistRow } from "../api/worklist";
import { moment, nameOf } from "../dicom/show";
import { useLanguage, useWords } from "../language/language";

const MATCHES = 3;
const OFFERED = 50;

const loadRules = (signal: AbortSignal) => rules(signal);
const loadStudies = (signal: AbortSignal) => worklist({ state: "", modality: "", text: "" }, OFFERED, 0, signal);
const concerns = ({ what }: { what: string }) => what === "job";
const never = () => false;

/** The rules that act on what arrives, what they did last, and what they would do to a study. */
export function RulesSection() {
  const words = useWords();
  const { language } = useLanguage();
  const { value, error } = useFresh(loadRules, concerns);
  const studies = useFresh(loadStudies, never).value?.rows ?? [];
  const [study, setStudy] = useState("");
  const [tried, setTried] = useState<Tried[]>();
  const [wrong, setWrong] = useState("");

  if (isMissing(error)) return null;

  async function tryIt() {
    setWrong("");
    setTried(undefined);
    try {
      setTried(await dryRun(study === "" ? (studies[0]?.study ?? "") : study));
    } catch (refused) {
      setWrong(sentenceOf(refused, words.unreachable));
    }
  }

  const named = (row: WorklistRow) => [nameOf(row.patient_name, language), row.date, row.description].filter((part) => part !== "").join(", ");
  return (
    <section className="rules" aria-labelledby="rules-title">
      <h2 id="rules-title">{words.rules.title}</h2>
      {error !== undefined && <p role="alert">{sentenceOf(error, words.unreachable)}</p>}
      {value?.length === 0 && <p>{words.rules.none}</p>}
      {value !== undefined && value.length > 0 && (
        <div className="scrolls">
          <table className="still" data-testid="rules">
            <thead className="plain">
              <tr>
                {(["name", "when", "then", "last"] as const).map((column) => (
                  <th key={column} scope="col">
                    {words.rules[column]}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {value.map((rule) => (
                <tr key={rule.name}>
                  <td>
                    {rule.name}
                    {rule.enabled === false && <span className="why">{words.rules.off}</span>}
                  </td>
                  <td>{rule.when}</td>
                  <td>{rule.then}</td>
                  <td>
                    {(rule.matches ?? []).length === 0 && words.rules.never}
                    {(rule.matches ?? []).slice(0, MATCHES).map((match) => (
                      <span key={`${match.study} ${match.at}`} className="why">
                        {moment(match.at, language)}: {match.did}
                      </span>
                    ))}
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      <h2>{words.rules.dryRun}</h2>
      <p className="note">{words.rules.dryRunWhy}</p>
      <div className="search">
        <label>
          {words.rules.study}
          <select value={study} onChange={(event) => setStudy(event.target.value)}>
            {studies.map((row) => (
              <option key={row.study} value={row.study}>
                {named(row)}
              </option>
            ))}
          </select>
        </label>
        <button type="button" disabled={studies.length === 0} onClick={() => void tryIt()}>
          {words.rules.tryIt}
        </button>
      </div>
      {wrong !== "" && <p role="alert">{wrong}</p>}
      <div role="status">
        {tried && (
          <ul className="tried" data-testid="tried">
            {tried.map((one) => (
              <li key={one.name}>
                <strong>{one.name}</strong> {one.applies ? words.rules.applies : words.rules.appliesNot}
                {one.would && (
                  <span className="why">
                    {words.rules.would}: {one.would}
                  </span>
                )}
                {one.why !== "" && (
                  <span className="why">
                    {words.rules.why}: {one.why}
                  </span>
                )}
              </li>
            ))}
          </ul>
        )}
      </div>
    </section>
  );
}
