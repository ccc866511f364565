import { useCallback, useEffect, useReducer, useRef, useState } from "react";

import { useHappenings } from "../api/events";
import { Conflicted, sentenceOf } from "../api/request";
import { addAddendum, decide, type DecisionWord, readReport, saveEdits, sign } from "../api/reports";
import { sentences } from "../api/report";
import { useWords } from "../language/language";
import { type Draft, isEmpty, payload } from "./edits";
import { type Action, type Base, type DeskState, next, opened } from "./machine";

/** Drafts of reports that were left, as long as the page lives: not on any disk, since patients' words are in them. */
const left = new Map<string, { base: Base; draft: Draft }>();

async function fetchBase(id: string, signal?: AbortSignal): Promise<Base> {
  const { value, etag } = await readReport(id, signal);
  return { report: value, etag };
}

export interface Desk {
  state: DeskState | undefined;
  /** What went wrong last, in a sentence. */
  wrong: string;
  /** What was done last, for everybody to hear. */
  said: string;
  say: (sentence: string) => void;
  edit: (draft: Draft) => void;
  look: () => void;
  postpone: () => void;
  resolve: (mine: ReadonlySet<string>) => void;
  discard: () => void;
  /** Each gives whether it was done. */
  save: (reason: string | null) => Promise<boolean>;
  signAs: (as: "preliminary" | "final") => Promise<boolean>;
  addTo: (text: string, reason: string) => Promise<boolean>;
  /** Gives the sentences that speak of a finding that was just rejected. */
  decideOn: (finding: string, decision: Exclude<DecisionWord, "edited"> | "undecided") => Promise<string[]>;
}

const start = (state: DeskState | undefined, action: Action | { do: "open"; state: DeskState }): DeskState | undefined =>
  action.do === "open" ? action.state : state && next(state, action);

/** A report at the desk: loaded, kept up to date, changed under its ETag. */
export function useDesk(id: string): Desk {
  const words = useWords();
  const [state, dispatch] = useReducer(start, undefined);
  const [wrong, setWrong] = useState("");
  const [said, say] = useState("");
  const latest = useRef<DeskState>(undefined);
  useEffect(() => {
    latest.current = state;
  }, [state]);
  const fail = useCallback((error: unknown) => setWrong(sentenceOf(error, words.unreachable)), [words]);

  const load = useCallback(
    async (signal?: AbortSignal) => {
      const base = await fetchBase(id, signal);
      if (signal?.aborted) return base;
      if (latest.current?.base.report.id === base.report.id) {
        dispatch({ do: "loaded", base });
      } else {
        const kept = left.get(id);
        left.delete(id);
        const first = kept ? opened(kept.base, kept.draft) : opened(base);
        dispatch({ do: "open", state: kept ? next(first, { do: "loaded", base }) : first });
      }
      return base;
    },
    [id],
  );

  useEffect(() => {
    const ended = new AbortController();
    load(ended.signal).catch((error: unknown) => {
      if (!ended.signal.aborted) fail(error);
    });
    return () => {
      ended.abort();
      const last = latest.current;
      latest.current = undefined;
      if (last && !isEmpty(last.draft)) left.set(id, { base: last.base, draft: last.draft });
    };
    // A change of language loads nothing.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [id, load]);

  useHappenings((one) => {
    const concerns = one.what === "look" || (one.what === "report" && one.report === id);
    if (concerns && latest.current?.saving === false) load().catch(fail);
  });

  const dirty = state !== undefined && !isEmpty(state.draft);
  useEffect(() => {
    if (!dirty) return undefined;
    const stay = (event: BeforeUnloadEvent) => event.preventDefault();
    window.addEventListener("beforeunload", stay);
    return () => window.removeEventListener("beforeunload", stay);
  }, [dirty]);

  /** Does something under the base's ETag; once more where only decisions have changed since. */
  async function change(what: (base: Base) => Promise<unknown>): Promise<boolean> {
    const now = latest.current;
    if (!now) return false;
    setWrong("");
    dispatch({ do: "saving" });
    try {
      try {
        await what(now.base);
      } catch (error) {
        if (!(error instanceof Conflicted)) throw error;
        const theirs = await fetchBase(id);
        if (theirs.report.version !== now.base.report.version) {
          dispatch({ do: "loaded", base: theirs });
          dispatch({ do: "look" });
          dispatch({ do: "refused" });
          setWrong(error.message);
          return false;
        }
        await what(theirs);
      }
      dispatch({ do: "saved", base: await fetchBase(id) });
      return true;
    } catch (error) {
      dispatch({ do: "refused" });
      fail(error);
      return false;
    }
  }

  async function decideOn(finding: string, decision: Exclude<DecisionWord, "edited"> | "undecided"): Promise<string[]> {
    const now = latest.current;
    if (!now) return [];
    setWrong("");
    dispatch({ do: "deciding", finding, decision });
    try {
      const answer = await decide(id, now.base.etag, finding, decision).catch(async (error: unknown) => {
        if (!(error instanceof Conflicted)) throw error;
        const theirs = await fetchBase(id);
        dispatch({ do: "loaded", base: theirs });
        // Beside a draft to an earlier version the person looks first: the later ETag is not the draft's.
        if (theirs.report.version !== now.base.report.version && !isEmpty(now.draft)) throw error;
        return decide(id, theirs.etag, finding, decision);
      });
      dispatch({ do: "decided", finding, decisions: answer.value.decisions, etag: answer.etag });
      if (decision !== "rejected") return [];
      const speaking = sentences(now.base.report.report).filter(({ sentence }) => sentence.findings.includes(finding));
      return answer.value.sentences ?? speaking.map(({ sentence }) => sentence.id);
    } catch (error) {
      dispatch({ do: "unsettled", finding });
      fail(error);
      return [];
    }
  }

  return {
    state,
    wrong,
    said,
    say,
    edit: (draft) => dispatch({ do: "edit", draft }),
    look: () => dispatch({ do: "look" }),
    postpone: () => dispatch({ do: "postpone" }),
    resolve: (mine) => {
      setWrong("");
      dispatch({ do: "resolve", mine });
    },
    discard: () => {
      setWrong("");
      dispatch({ do: "discard" });
    },
    save: (reason) => change(({ etag }) => saveEdits(id, etag, payload(latest.current?.draft ?? { changed: {}, added: [] }, reason))),
    signAs: (as) =>
      change(async ({ etag }) => {
        const { sr } = (await sign(id, etag, as)).value;
        if (sr && !sr.stored) setWrong(sr.error ?? words.desk.notStored);
      }),
    addTo: (text, reason) => change(({ etag }) => addAddendum(id, etag, text, reason)),
    decideOn,
  };
}
