import { useWords } from "../language/language";

interface Props {
  counts: readonly (readonly number[])[];
  classes: readonly string[];
  annotators: readonly [string, string];
}

const CELL = 46;
const LEFT = 110;
const TOP = 74;
/** Longest name that is written whole. */
const LONGEST = 14;
/** About how wide a letter is. */
const LETTER = 6.6;

function short(name: string): string {
  return name.length > LONGEST ? `${name.slice(0, LONGEST - 1)}…` : name;
}

/** Who chose which: the first by row, the second by column. What agrees lies on the diagonal; a darker cell has more of its row. */
export function Confusion({ counts, classes, annotators: [first, second] }: Props) {
  const words = useWords();
  const side = classes.length * CELL;
  // Names of columns lean to the right, beyond the last column.
  const leaning = Math.max(0, ...classes.map((name) => short(name).length)) * LETTER * 0.82 - CELL / 2;
  const wide = Math.max(side, short(second).length * LETTER);
  const cells = counts.flatMap((row, at) => row.map((count, other) => ({ count, at, other, all: row.reduce((sum, one) => sum + one, 0) })));
  return (
    <svg
      className="confusion"
      role="img"
      aria-label={words.annotate.confusion(first, second)}
      width={LEFT + Math.max(wide, side + leaning) + 8}
      height={TOP + Math.max(side, short(first).length * LETTER) + 8}
      data-testid="confusion"
    >
      <text x={LEFT} y={14} className="who">
        {short(second)}
      </text>
      <text transform={`translate(12 ${TOP + Math.max(side, short(first).length * LETTER)}) rotate(-90)`} className="who">
        {short(first)}
      </text>
      {classes.map((name, at) => (
        <g key={name}>
          <text x={LEFT - 6} y={TOP + at * CELL + CELL / 2 + 4} textAnchor="end">
            {short(name)}
          </text>
          <text transform={`translate(${LEFT + at * CELL + CELL / 2} ${TOP - 6}) rotate(-35)`}>{short(name)}</text>
        </g>
      ))}
      {cells.map(({ count, at, other, all }) => (
        <g key={`${at} ${other}`}>
          <rect
            x={LEFT + other * CELL}
            y={TOP + at * CELL}
            width={CELL - 1}
            height={CELL - 1}
            className={at === other ? "same" : "apart"}
            fillOpacity={all === 0 ? 0 : 0.85 * (count / all)}
          />
          <text x={LEFT + other * CELL + CELL / 2} y={TOP + at * CELL + CELL / 2 + 5} textAnchor="middle" className="count">
            {count}
          </text>
        </g>
      ))}
    </svg>
  );
}
