import { useCallback, useState } from "react";

import { allConsultations, revoke } from "../api/consult";
import type { Happening } from "../api/events";
import { sentenceOf } from "../api/request";
import { useFresh } from "../api/use-fresh";
import { moment } from "../dicom/show";
import { useLanguage, useWords } from "../language/language";
import { routeAddress } from "../route";

const concerns = (one: Happening) => one.what === "look" || one.what === "consultation";

/** All consultations on studies that the account may see, the latest first. */
export function ConsultationsPage() {
  const words = useWords();
  const { language } = useLanguage();
  const [wrong, setWrong] = useState("");
  const load = useCallback((signal: AbortSignal) => allConsultations(signal), []);
  const { value, error, again } = useFresh(load, concerns);

  async function end(id: string) {
    setWrong("");
    try {
      await revoke(id);
    } catch (refused) {
      setWrong(sentenceOf(refused, words.unreachable));
    }
    again();
  }

  const failed = wrong !== "" ? wrong : error === undefined ? "" : sentenceOf(error, words.unreachable);
  return (
    <main className="worklist">
      <h1>{words.consult.title}</h1>
      {failed !== "" && <p role="alert">{failed}</p>}
      {value?.length === 0 && <p>{words.consult.nonePage}</p>}
      {value !== undefined && value.length > 0 && (
        <table className="still">
          <thead className="plain">
            <tr>
              <th scope="col">{words.consult.question}</th>
              <th scope="col">{words.consult.by}</th>
              <th scope="col">{words.consult.state}</th>
              <th scope="col">{words.consult.actions}</th>
            </tr>
          </thead>
          <tbody>
            {value.map((one) => (
              <tr key={one.id} data-state={one.state}>
                <td>{one.question}</td>
                <td>
                  {one.by}, {moment(one.made, language)}
                </td>
                <td>
                  {words.consult.states[one.state]}, {words.consult.until(moment(one.until, language))},{" "}
                  {words.consult.openedOf(one.opened, one.opens)}
                </td>
                <td>
                  <a
                    href={routeAddress({ at: "study", study: one.study, consult: one.id })}
                    aria-label={words.consult.enterOf(one.question ?? "")}
                  >
                    {words.consult.enter}
                  </a>{" "}
                  {one.state === "open" && (
                    <button type="button" aria-label={words.consult.revokeOf(one.question ?? "")} onClick={() => void end(one.id)}>
                      {words.consult.revoke}
                    </button>
                  )}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </main>
  );
}
