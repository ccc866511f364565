import { useState } from "react";

import { Dialog } from "../dialog";
import { useWords } from "../language/language";

export type SignedAs = "preliminary" | "final";

interface Props {
  /** Whether it may still be signed as preliminary. */
  mayBePreliminary: boolean;
  /** Who signs; nobody by name in an archive without accounts. */
  by: string | undefined;
  undecided: readonly string[];
  onSign: (as: SignedAs) => void;
  onClose: () => void;
}

/** What signing will do, in words, before it is done. */
export function SignDialog({ mayBePreliminary, by, undecided, onSign, onClose }: Props) {
  const words = useWords();
  const [as, setAs] = useState<SignedAs>(mayBePreliminary ? "preliminary" : "final");
  const offered: readonly SignedAs[] = mayBePreliminary ? ["preliminary", "final"] : ["final"];
  return (
    <Dialog title={words.desk.signTitle(words.desk.states[as])} onClose={onClose}>
      {offered.length > 1 && (
        <div className="choices" role="radiogroup" aria-label={words.desk.sign}>
          {offered.map((one) => (
            <label key={one} className="check">
              <input type="radio" name="sign-as" checked={as === one} onChange={() => setAs(one)} />
              {one === "final" ? words.desk.signFinal : words.desk.signPreliminary}
            </label>
          ))}
        </div>
      )}
      <p aria-live="polite">{as === "final" ? words.desk.signFinalWhat : words.desk.signPreliminaryWhat}</p>
      <p>{by === undefined ? words.desk.signWhoOpen : words.desk.signWho(by)}</p>
      {undecided.length > 0 && <p className="caution">{words.desk.signUndecided(undecided.join(", "))}</p>}
      <div className="choices">
        <button type="button" className="primary" onClick={() => onSign(as)}>
          {as === "final" ? words.desk.signFinal : words.desk.signPreliminary}
        </button>
        <button type="button" onClick={onClose}>
          {words.desk.cancel}
        </button>
      </div>
    </Dialog>
  );
}
