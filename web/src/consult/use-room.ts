import { useCallback, useEffect, useMemo, useRef, useState } from "react";

import { eventsOf, tellView, type View } from "../api/consult";

export interface Person {
  who: string;
  name: string;
  guest: boolean;
  view: View | null;
}

export interface Room {
  id: string;
  /** Everybody else who is there. */
  others: Person[];
  you: string;
  isOver: boolean;
  /** Rises with each note, opinion or guest: time to read the thread again. */
  news: number;
  /** Tells the others what is looked at; at most some eight times a second, the last for certain. */
  tell: (view: View) => void;
  /** What was told last. */
  last: () => View | undefined;
}

/** Between two views that are told. */
const EVERY_MS = 125;

type People = Readonly<Record<string, Person>>;

function parsed(event: Event): Record<string, unknown> {
  try {
    return JSON.parse(String((event as MessageEvent<unknown>).data)) as Record<string, unknown>;
  } catch {
    return {};
  }
}

/** The room of a consultation, as long as the component lives; nothing without one. */
export function useRoom(id: string | undefined): Room | undefined {
  const [people, setPeople] = useState<People>({});
  const [you, setYou] = useState("");
  const [isOver, setOver] = useState(false);
  const [news, setNews] = useState(0);
  const own = useRef<View>(undefined);
  const waiting = useRef<ReturnType<typeof setTimeout>>(undefined);
  const busy = useRef(false);

  useEffect(() => {
    if (id === undefined || typeof EventSource === "undefined") return undefined;
    const source = new EventSource(eventsOf(id));
    const person = (event: Event) => parsed(event) as unknown as Person;
    source.addEventListener("here", (event) => {
      const told = parsed(event) as { you?: string; people?: Person[] };
      setYou(told.you ?? "");
      setPeople(Object.fromEntries((told.people ?? []).map((one) => [one.who, one])));
      // What happened while the stream was away is not told again.
      setNews((now) => now + 1);
    });
    for (const name of ["came", "view"]) {
      source.addEventListener(name, (event) => {
        const one = person(event);
        setPeople((now) => ({ ...now, [one.who]: one }));
      });
    }
    source.addEventListener("left", (event) => {
      const { who } = person(event);
      setPeople((now) => Object.fromEntries(Object.entries(now).filter(([key]) => key !== who)));
    });
    for (const name of ["note", "opinion", "opened"]) source.addEventListener(name, () => setNews((now) => now + 1));
    source.addEventListener("ended", () => {
      setOver(true);
      setNews((now) => now + 1);
      source.close();
    });
    return () => {
      source.close();
      clearTimeout(waiting.current);
      waiting.current = undefined;
      own.current = undefined;
      setPeople({});
      setOver(false);
    };
  }, [id]);

  const tell = useCallback(
    (view: View) => {
      own.current = view;
      if (id === undefined || waiting.current !== undefined || busy.current) return;
      const told = { view: undefined as View | undefined };
      const send = () => {
        waiting.current = undefined;
        const now = own.current;
        if (now === undefined || now === told.view) return;
        told.view = now;
        busy.current = true;
        // A view that is not told is made good by the next.
        void tellView(id, now)
          .catch(() => undefined)
          .finally(() => {
            busy.current = false;
            if (own.current !== told.view) waiting.current = setTimeout(send, EVERY_MS);
          });
      };
      waiting.current = setTimeout(send, EVERY_MS);
    },
    [id],
  );
  const last = useCallback(() => own.current, []);

  return useMemo(() => {
    if (id === undefined) return undefined;
    const others = Object.values(people).filter(({ who }) => who !== you);
    return { id, others, you, isOver, news, tell, last };
  }, [id, people, you, isOver, news, tell, last]);
}
