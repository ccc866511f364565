import { useEffect, useState } from "react";

import { check, type Checked } from "../api/reports";

/** After the last letter. */
const SETTLED_MS = 400;

export type CheckState = { is: "checking" } | { is: "unchecked" } | { is: "checked"; text: string; checked: Checked };

/** What the gate says of words while they are typed; nothing is asked of those that the report holds already. */
export function useCheck(report: string, sentence: string | null, text: string, saved: string): CheckState {
  const [state, setState] = useState<CheckState>({ is: "unchecked" });
  const ask = text.trim() !== "" && text.trim() !== saved;
  useEffect(() => {
    if (!ask) return undefined;
    const ended = new AbortController();
    const later = setTimeout(() => {
      setState((now) => (now.is === "checked" ? now : { is: "checking" }));
      check(report, sentence, text, ended.signal).then(
        (checked) => setState({ is: "checked", text, checked }),
        () => {
          if (!ended.signal.aborted) setState({ is: "unchecked" });
        },
      );
    }, SETTLED_MS);
    return () => {
      clearTimeout(later);
      ended.abort();
    };
  }, [report, sentence, text, ask]);
  return ask ? state : { is: "unchecked" };
}
