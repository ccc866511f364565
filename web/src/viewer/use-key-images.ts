import { useCallback, useEffect, useMemo, useState } from "react";

import type { ImageReference } from "../dicom/content";
import { type KeyImage, keyObjectFile, type Selection, selection, type Title } from "../dicom/key-objects";
import { TAGS, text } from "../dicom/json";
import { seriesMetadata, store } from "../dicom/web";
import type { Frame, SeriesLine } from "./series";

export interface KeyImages {
  /** What the study holds. */
  saved: Selection[];
  /** What is marked and not saved. */
  marked: KeyImage[];
  isKey: (frame: Pick<Frame, "sopInstanceUid" | "frame">) => boolean;
  toggle: (frame: Frame) => void;
  unmark: (image: KeyImage) => void;
  save: (title: Title, words: string, account: string) => Promise<void>;
}

const same = (one: ImageReference, other: ImageReference) =>
  one.sopInstanceUid === other.sopInstanceUid && one.frame === other.frame;

export function referenceOf({ header, frame }: KeyImage): ImageReference {
  return { sopInstanceUid: text(header, TAGS.sopInstanceUid), frame };
}

/** The key images of a study: those of its key objects, and those that are being marked. */
export function useKeyImages(study: string, lines: readonly SeriesLine[]): KeyImages {
  const [found, setFound] = useState<Selection[]>([]);
  const [marked, setMarked] = useState<KeyImage[]>([]);

  useEffect(() => {
    const ended = new AbortController();
    Promise.all(lines.map((line) => seriesMetadata(line.study, line.series, ended.signal))).then(
      (headers) => setFound(headers.flat().map(selection)),
      () => undefined,
    );
    return () => ended.abort();
  }, [lines]);

  const keys = useMemo(() => [...found.flatMap((one) => one.images), ...marked.map(referenceOf)], [found, marked]);
  const isKey = useCallback<KeyImages["isKey"]>((frame) => keys.some((key) => same(key, frame)), [keys]);
  const toggle = useCallback((frame: Frame) => {
    setMarked((now) => {
      const without = now.filter((one) => !same(referenceOf(one), frame));
      return without.length < now.length ? without : [...now, { header: frame.header, frame: frame.frame }];
    });
  }, []);
  return {
    saved: found,
    marked,
    isKey,
    toggle,
    unmark: (image) => setMarked((now) => now.filter((one) => one !== image)),
    save: async (title, words, account) => {
      await store(study, keyObjectFile(marked, title, words, { name: account, at: new Date() }));
      setMarked([]);
    },
  };
}
