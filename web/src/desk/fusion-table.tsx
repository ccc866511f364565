import type { Contribution } from "../api/report";
import { useWords } from "../language/language";

/** What each source adds to the log odds of a finding. */
export function FusionTable({ contributions }: { contributions: readonly Contribution[] }) {
  const words = useWords();
  const signed = (value: number) => `${value < 0 ? "−" : "+"}${Math.abs(value).toFixed(2)}`;
  return (
    <table className="fusion">
      <thead className="plain">
        <tr>
          <th scope="col">{words.desk.source}</th>
          <th scope="col" className="number">
            {words.desk.adds}
          </th>
        </tr>
      </thead>
      <tbody>
        {contributions.map((one, at) => (
          <tr key={at}>
            <td>
              {words.desk.contributors[one.by] ?? one.by}: {one.words}
              {typeof one.line === "number" && <span className="why">{words.desk.line(one.line)}</span>}
              {one.citation && (
                <span className="why">
                  {words.desk.citation}: {one.citation}
                </span>
              )}
            </td>
            <td className="number">{signed(one.log_odds)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
