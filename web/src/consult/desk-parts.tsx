/** What the report desk shows of others: second opinions, and who has the report open. */

import { useCallback, useEffect, useState } from "react";

import { type AlsoOpen, type Opinion, opinionsOf, sayClosed, sayOpen } from "../api/consult";
import { type Happening, useHappenings } from "../api/events";
import { useFresh } from "../api/use-fresh";
import { useWords } from "../language/language";
import { OpinionList } from "./opinion-list";

const EVERY_MS = 15_000;

/** Tells this window apart from others of the same account. */
const WINDOW = Math.random().toString(36).slice(2, 14);

/** Says that a report is open here, as long as it is; gives who else has it open. */
export function useAlsoOpen(report: string): AlsoOpen[] {
  const [also, setAlso] = useState<AlsoOpen[]>([]);
  const say = useCallback(() => {
    // It holds nobody up: without an answer nothing is shown.
    sayOpen(report, WINDOW).then(setAlso, () => setAlso([]));
  }, [report]);
  useEffect(() => {
    say();
    const every = setInterval(say, EVERY_MS);
    return () => {
      clearInterval(every);
      setAlso([]);
      sayClosed(report, WINDOW).catch(() => undefined);
    };
  }, [report, say]);
  useHappenings((one) => {
    if (one.what === "readers" && one.report === report) say();
  });
  return also;
}

export function AlsoOpenNote({ report }: { report: string }) {
  const words = useWords();
  const also = useAlsoOpen(report);
  if (also.length === 0) return null;
  const names = [...new Set(also.map(({ name, you }) => (you ? words.consult.otherWindow : name)))];
  return (
    <p role="status" className="caution" data-testid="also-open">
      {words.consult.alsoOpen(names.join(", "))}
    </p>
  );
}

/** The second opinions on a study, as they come. */
export function useOpinions(study: string): Opinion[] {
  const load = useCallback((signal: AbortSignal) => opinionsOf(study, signal), [study]);
  const concerns = useCallback(
    (one: Happening) => one.what === "look" || (one.what === "consultation" && one.study === study && one.happened === "opinion"),
    [study],
  );
  return useFresh(load, concerns).value ?? [];
}

export function OpinionsPanel({ opinions }: { opinions: readonly Opinion[] }) {
  const words = useWords();
  if (opinions.length === 0) return <p className="note">{words.consult.noOpinions}</p>;
  return <OpinionList opinions={opinions} />;
}
