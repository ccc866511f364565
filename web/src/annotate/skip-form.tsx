import { useEffect, useRef, useState } from "react";

import { useWords } from "../language/language";

/** Why an item has no answer. */
export function SkipForm({ why, onSkip }: { why: string; onSkip: (reason: string) => void }) {
  const words = useWords();
  const [reason, setReason] = useState("");
  const field = useRef<HTMLInputElement>(null);
  useEffect(() => field.current?.focus(), []);
  return (
    <form
      className="skip"
      onSubmit={(event) => {
        event.preventDefault();
        onSkip(reason.trim());
      }}
    >
      <label className="stacked">
        {why}
        <input ref={field} value={reason} required minLength={2} maxLength={300} onChange={(event) => setReason(event.target.value)} />
      </label>
      <button type="submit">{words.annotate.skipNow}</button>
    </form>
  );
}
