import { useCallback, useState } from "react";

import { consultationsOf, revoke } from "../api/consult";
import type { Happening } from "../api/events";
import { isMissing, sentenceOf } from "../api/request";
import { useFresh } from "../api/use-fresh";
import { moment } from "../dicom/show";
import { useLanguage, useWords } from "../language/language";
import { routeAddress } from "../route";
import { InviteDialog } from "./invite-dialog";

/** Who was asked about a study, and a way to ask somebody; nothing where the archive has no consultations. */
export function ConsultationsOfStudy({ study, mayInvite }: { study: string; mayInvite: boolean }) {
  const words = useWords();
  const { language } = useLanguage();
  const [asking, setAsking] = useState(false);
  const [wrong, setWrong] = useState("");
  const load = useCallback((signal: AbortSignal) => consultationsOf(study, signal), [study]);
  const concerns = useCallback(
    (one: Happening) => one.what === "look" || (one.what === "consultation" && one.study === study),
    [study],
  );
  const { value, error, again } = useFresh(load, concerns);
  if (value === undefined && (error === undefined || isMissing(error))) return null;

  async function end(id: string) {
    setWrong("");
    try {
      await revoke(id);
    } catch (refused) {
      setWrong(sentenceOf(refused, words.unreachable));
    }
    again();
  }

  return (
    <section aria-label={words.consult.title} data-testid="consultations">
      <h2>{words.consult.title}</h2>
      {value?.length === 0 && <p className="note">{words.consult.none}</p>}
      <ul className="lines">
        {value?.map((one) => {
          const what = `${one.by}, ${moment(one.made, language)}`;
          return (
            <li key={one.id} data-state={one.state}>
              <span>
                {what}{" "}
                <span className="note">
                  {words.consult.states[one.state]}, {words.consult.openedOf(one.opened, one.opens)}
                </span>
              </span>
              <a href={routeAddress({ at: "study", study, consult: one.id })} aria-label={words.consult.enterOf(what)}>
                {words.consult.enter}
              </a>
              {one.state === "open" && mayInvite && (
                <button type="button" aria-label={words.consult.revokeOf(what)} onClick={() => void end(one.id)}>
                  {words.consult.revoke}
                </button>
              )}
            </li>
          );
        })}
      </ul>
      {wrong !== "" && <p role="alert">{wrong}</p>}
      {mayInvite && (
        <button type="button" onClick={() => setAsking(true)}>
          {words.consult.invite}
        </button>
      )}
      {asking && <InviteDialog study={study} onMade={again} onClose={() => setAsking(false)} />}
    </section>
  );
}
