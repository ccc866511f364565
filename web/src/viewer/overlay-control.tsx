import { useWords } from "../language/language";

/** How much of an overlay is seen. */
export function OverlayControl({ opacity, onChange }: { opacity: number; onChange: (opacity: number) => void }) {
  const words = useWords();
  return (
    <label className="overlay-control">
      {words.desk.overlay}
      <input
        type="range"
        min="0"
        max="1"
        step="0.05"
        aria-label={words.desk.opacity}
        value={opacity}
        onChange={(event) => onChange(Number(event.target.value))}
      />
    </label>
  );
}
