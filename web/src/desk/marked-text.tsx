import { Fragment } from "react";

import type { Problem } from "../api/reports";
import { marked } from "./underline";

function stanceOf(held: readonly number[], problems: readonly Problem[]): Problem["stance"] {
  return held.some((one) => problems[one]?.stance !== "unknown") ? "contradicts" : "unknown";
}

/** A text with the gate's problems underlined; their reasons stand elsewhere in words. */
export function MarkedText({ text, problems }: { text: string; problems: readonly Problem[] }) {
  return marked(text, problems).map((piece, at) =>
    piece.problems.length === 0 ? (
      <Fragment key={at}>{piece.text}</Fragment>
    ) : (
      <span key={at} className={`problem ${stanceOf(piece.problems, problems)}`} title={piece.problems.map((one) => problems[one]?.reason ?? "").join(" ")}>
        {piece.text}
      </span>
    ),
  );
}
