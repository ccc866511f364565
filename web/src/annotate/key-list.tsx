import { useWords } from "../language/language";
import { KEYS } from "./keys";

/** The keys of annotating. */
export function KeyList({ outline }: { outline: boolean }) {
  const words = useWords();
  const shown = KEYS.filter(([, act]) => outline || (act !== "draw" && act !== "undo"));
  return (
    <details className="keys-of">
      <summary>{words.annotate.keys}</summary>
      <dl>
        {shown.map(([key, act]) => (
          <div key={key}>
            <dt>
              <kbd>{key}</kbd>
            </dt>
            <dd>{words.annotate.acts[act]}</dd>
          </div>
        ))}
      </dl>
    </details>
  );
}
