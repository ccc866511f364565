/** The order in which items are decided. */

import type { Agreement } from "./api";

/** How far people agree on an item; nothing where one person alone answered what another skipped. */
interface ToDecide {
  item: number;
  share: number | undefined;
  /** Whether it goes into no training set until somebody decides it. */
  waits: boolean;
}

/** Items to decide: those on which people agree least first, then what one of them skipped, then the rest. */
export function toDecide({ kind, agreement, decided, skipped }: Agreement): ToDecide[] {
  const shares = new Map(
    kind === "labels"
      ? agreement.items.map(({ item, share }) => [item, share])
      : agreement.items.map(({ item, least_dice }) => [item, least_dice]),
  );
  const apart = [...shares].filter(([, share]) => share < 1).map(([item]) => item);
  const order = new Set([...apart, ...skipped, ...shares.keys()]);
  const open = new Set([...apart, ...skipped]);
  return [...order].map((item) => ({ item, share: shares.get(item), waits: open.has(item) && !decided.includes(item) }));
}
