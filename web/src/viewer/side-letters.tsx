import type { Sides } from "./sides";

/** The letters at the edges of an image that say which side of the patient lies there. */
export function SideLetters({ sides }: { sides: Sides | undefined }) {
  if (!sides) return null;
  return (["left", "right", "top", "bottom"] as const).map((edge) => (
    <div key={edge} className={`edge ${edge}-edge`} data-testid={`side-${edge}`}>
      {sides[edge]}
    </div>
  ));
}
