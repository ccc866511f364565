/** Colors that are told apart on a gray image, none of them alone: a name stands beside. */
const COLORS = ["#ffd166", "#06d6a0", "#ef9bff", "#7cc6fe", "#ff8f66", "#c2f261"] as const;

/** The color of somebody, the same on every screen. */
export function color(who: string): string {
  let sum = 0;
  for (const letter of who) sum = (sum * 31 + (letter.codePointAt(0) ?? 0)) % 9973;
  return COLORS[sum % COLORS.length] ?? COLORS[0];
}
