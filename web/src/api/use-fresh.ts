import { useCallback, useEffect, useRef, useState } from "react";

import { type Happening, useHappenings } from "./events";

/** Between two askings for the same, however much happens. */
const MOST_OFTEN_MS = 1000;

export interface Fresh<T> {
  value: T | undefined;
  /** What the last asking threw; nothing after one that did not. */
  error: unknown;
  /** Asks again at once. */
  again: () => void;
}

/**
 * What `load` gives, asked again whenever something happens that concerns it, at most once a second.
 *
 * `load` and `concerns` are to stay the same function as long as the question does.
 */
export function useFresh<T>(
  load: (signal: AbortSignal) => Promise<T>,
  concerns: (happening: Happening) => boolean,
  live = true,
): Fresh<T> {
  const [answer, setAnswer] = useState<{ of: typeof load; value: T | undefined; error: unknown }>();
  const waiting = useRef<ReturnType<typeof setTimeout>>(undefined);
  const last = useRef(0);
  const running = useRef<AbortController>(undefined);

  const look = useCallback(() => {
    clearTimeout(waiting.current);
    waiting.current = undefined;
    running.current?.abort();
    const ended = new AbortController();
    running.current = ended;
    last.current = Date.now();
    load(ended.signal).then(
      (value) => {
        if (!ended.signal.aborted) setAnswer({ of: load, value, error: undefined });
      },
      (error: unknown) => {
        if (!ended.signal.aborted) setAnswer((now) => ({ of: load, value: now?.of === load ? now.value : undefined, error }));
      },
    );
  }, [load]);

  useEffect(() => {
    // A moment's wait, so that typing does not ask once a letter.
    waiting.current = setTimeout(look, last.current === 0 ? 0 : 150);
    return () => {
      clearTimeout(waiting.current);
      waiting.current = undefined;
      running.current?.abort();
    };
  }, [look]);

  useHappenings((one) => {
    if (!concerns(one) || waiting.current !== undefined) return;
    waiting.current = setTimeout(look, Math.max(0, last.current + MOST_OFTEN_MS - Date.now()));
  }, live);

  return { value: answer?.value, error: answer?.error, again: look };
}
