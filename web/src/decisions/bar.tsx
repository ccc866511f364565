import type { Share } from "../api/decisions";

const WIDTH = 200;
const HEIGHT = 22;

/** A share as a bar from 0 to 1, with its interval as a whisker. */
export function Bar({ share: { share, low, high }, label }: { share: Share; label: string }) {
  const at = (value: number) => Math.min(Math.max(value, 0), 1) * WIDTH;
  const middle = HEIGHT / 2;
  return (
    <svg className="bar-picture" role="img" aria-label={label} width={WIDTH} height={HEIGHT} viewBox={`-1 0 ${WIDTH + 2} ${HEIGHT}`}>
      <rect className="ground" x="0" y="4" width={WIDTH} height={HEIGHT - 8} />
      <rect className="share" x="0" y="4" width={at(share)} height={HEIGHT - 8} />
      <path
        className="whisker"
        d={`M${at(low)} ${middle}H${at(high)}M${at(low)} ${middle - 5}v10M${at(high)} ${middle - 5}v10`}
      />
    </svg>
  );
}
