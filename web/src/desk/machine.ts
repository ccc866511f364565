/**
 * The desk's state: a report as the archive holds it, a person's changes to it, and decisions that are on their way.
 *
 * The draft is always one to `base`, under the base's own ETag: what somebody else saved later takes the base's place only
 * where the draft is empty, or when the person says what becomes of it. So nothing is overwritten unseen.
 */

import type { DecisionWord, Decisions, DeskReport } from "../api/reports";
import { type Draft, isEmpty, NOTHING, type Rebased, rebased, resolved } from "./edits";

export interface Base {
  report: DeskReport;
  etag: string;
}

export interface Conflict {
  theirs: Base;
  rebased: Rebased;
}

export interface DeskState {
  base: Base;
  draft: Draft;
  saving: boolean;
  /** Decisions that are shown and not yet confirmed; `undecided` takes one away. */
  pending: Readonly<Record<string, DecisionWord | "undecided">>;
  /** A later version than the draft's, which a person has not looked at yet. */
  later: Base | undefined;
  conflict: Conflict | undefined;
}

export type Action =
  | { do: "loaded"; base: Base }
  | { do: "edit"; draft: Draft }
  | { do: "saving" }
  | { do: "saved"; base: Base }
  | { do: "refused" }
  | { do: "look" }
  | { do: "postpone" }
  | { do: "resolve"; mine: ReadonlySet<string> }
  | { do: "discard" }
  | { do: "deciding"; finding: string; decision: DecisionWord | "undecided" }
  | { do: "decided"; finding: string; decisions: Decisions; etag: string }
  | { do: "unsettled"; finding: string };

export function opened(base: Base, draft: Draft = NOTHING): DeskState {
  return { base, draft, saving: false, pending: {}, later: undefined, conflict: undefined };
}

function settled(pending: DeskState["pending"], finding: string): DeskState["pending"] {
  return Object.fromEntries(Object.entries(pending).filter(([one]) => one !== finding));
}

/** The same version with newer decisions; a later version waits where there is a draft to an earlier one. */
function loaded(state: DeskState, base: Base): DeskState {
  const here = state.base.report.version;
  if (base.report.version < here) return state;
  if (base.report.version === here || isEmpty(state.draft)) return { ...state, base, later: undefined };
  return { ...state, later: base };
}

export function next(state: DeskState, action: Action): DeskState {
  switch (action.do) {
    case "loaded":
      return loaded(state, action.base);
    case "edit":
      return state.saving ? state : { ...state, draft: action.draft };
    case "saving":
      return { ...state, saving: true };
    case "saved":
      return { ...state, base: action.base, draft: NOTHING, saving: false, later: undefined, conflict: undefined };
    case "refused":
      return { ...state, saving: false };
    case "look": {
      const { later } = state;
      if (!later) return state;
      const carried = rebased(state.draft, state.base.report.report, later.report.report);
      return { ...state, saving: false, conflict: { theirs: later, rebased: carried } };
    }
    case "postpone":
      return { ...state, conflict: undefined };
    case "resolve":
      if (!state.conflict) return state;
      return { ...opened(state.conflict.theirs, resolved(state.conflict.rebased, action.mine)), pending: state.pending };
    case "discard":
      return { ...opened(state.conflict?.theirs ?? state.later ?? state.base), pending: state.pending };
    case "deciding":
      return { ...state, pending: { ...state.pending, [action.finding]: action.decision } };
    case "decided": {
      const report = { ...state.base.report, decisions: action.decisions };
      const base = { report, etag: action.etag === "" ? state.base.etag : action.etag };
      return { ...state, base, pending: settled(state.pending, action.finding) };
    }
    case "unsettled":
      return { ...state, pending: settled(state.pending, action.finding) };
  }
}

/** What is shown as decided: what was just chosen, else what the archive holds. */
export function decisionOn(state: Pick<DeskState, "base" | "pending">, finding: string): DecisionWord | "undecided" {
  return state.pending[finding] ?? state.base.report.decisions[finding]?.decision ?? "undecided";
}
