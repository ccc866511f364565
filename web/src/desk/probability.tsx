import type { ProbabilityInterval } from "../api/report";
import { useWords } from "../language/language";
import { percent } from "../worklist/triage";

interface Props {
  /** Of what, where it is not said beside it. */
  name?: string;
  probability: ProbabilityInterval;
}

const WIDTH = 120;

/** A probability in words, with a line for its interval and a mark for its estimate. */
export function Probability({ name, probability: { estimate, low, high, level } }: Props) {
  const words = useWords();
  const at = (value: number) => value * WIDTH;
  const said = percent(estimate);
  return (
    <p className="probability">
      <span>
        {name === undefined ? said : words.desk.ofFinding(name, said)}{" "}
        <span className="note">({words.desk.interval(percent(level), percent(low), percent(high))})</span>
      </span>
      <svg className="bar-picture" aria-hidden="true" width={WIDTH} height="12" viewBox={`-2 0 ${WIDTH + 4} 12`}>
        <rect className="ground" x="0" y="4" width={WIDTH} height="4" />
        <rect className="share" x={at(low)} y="4" width={at(high - low)} height="4" />
        <path className="whisker" d={`M${at(estimate)} 0V12`} />
      </svg>
    </p>
  );
}
