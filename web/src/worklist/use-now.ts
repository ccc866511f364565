import { useEffect, useState } from "react";

const EVERY_MS = 15_000;

/** The time in milliseconds, brought up to date often enough for minutes. */
export function useNow(): number {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    const again = setInterval(() => setNow(Date.now()), EVERY_MS);
    return () => clearInterval(again);
  }, []);
  return now;
}
