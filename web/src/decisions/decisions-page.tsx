import { type DecisionRow, decisionSummary, type Share } from "../api/decisions";
import { isMissing, sentenceOf } from "../api/request";
import { useFresh } from "../api/use-fresh";
import { useWords } from "../language/language";
import { percent } from "../worklist/triage";
import { Bar } from "./bar";

const load = (signal: AbortSignal) => decisionSummary(signal);
const concerns = ({ what }: { what: string }) => what === "report" || what === "look";

/** What people decided on the findings of each model: counts, shares, and how far they can be trusted. */
export function DecisionsPage() {
  const words = useWords();
  const { value, error } = useFresh(load, concerns);
  const said = ({ count, share, low, high }: Share) => words.decisions.share(count, percent(share), percent(low), percent(high));
  const by = ({ model, version }: DecisionRow) => (version === null ? model : `${model} ${version}`);
  return (
    <main className="worklist">
      <h1>{words.decisions.title}</h1>
      <p className="note">{words.decisions.why}</p>
      {error !== undefined && <p role="alert">{isMissing(error) ? words.decisions.missing : sentenceOf(error, words.unreachable)}</p>}
      {value?.length === 0 && <p>{words.decisions.none}</p>}
      {value !== undefined && value.length > 0 && (
        <div className="scrolls">
          <table className="still" data-testid="decisions">
            <thead className="plain">
              <tr>
                {(["finding", "model", "total", "accepted", "rejected", "edited", "picture"] as const).map((column) => (
                  <th key={column} scope="col" className={column === "total" ? "number" : undefined}>
                    {words.decisions[column]}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {value.map((row) => (
                <tr key={`${row.key} ${by(row)}`}>
                  <th scope="row">{row.name}</th>
                  <td>{by(row)}</td>
                  <td className="number">{row.total}</td>
                  <td>{said(row.accepted)}</td>
                  <td>{said(row.rejected)}</td>
                  <td>{said(row.edited)}</td>
                  <td>
                    <Bar
                      share={row.accepted}
                      label={words.decisions.bar(
                        row.name,
                        percent(row.accepted.share),
                        percent(row.accepted.low),
                        percent(row.accepted.high),
                      )}
                    />
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </main>
  );
}
