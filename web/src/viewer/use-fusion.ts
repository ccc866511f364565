import { useEffect, useMemo, useState } from "react";

import { seriesMetadata } from "../dicom/web";
import { type Look, type Overlaid, overlaid, type Unfit, unfitOver } from "./fusion";
import type { Range } from "./presets";
import { type ImageSeries, imageSeries, type SeriesLine } from "./series";

export type Candidate = { line: SeriesLine; label: string } & ({ overlaid: Overlaid } | { unfit: Unfit });

export interface Fusion {
  candidates: Candidate[];
  chosen: Overlaid | undefined;
  look: Look;
  choose: (series: string) => void;
  change: (look: Partial<Look>) => void;
}

const FIRST: Look = { colorMap: "hotIron", opacity: 0.6, range: { lower: 0, upper: 1 } };

export function labelOf(line: SeriesLine): string {
  return [line.modality, line.number ?? "", line.description].join(" ").trim();
}

/** What may be laid over a series, and what is: the headers of the other series are asked for once planes are shown. */
export function useFusion(lines: readonly SeriesLine[], base: ImageSeries | undefined, on: boolean): Fusion {
  const [found, setFound] = useState<{ base: ImageSeries; candidates: Candidate[] }>();
  const [chosen, setChosen] = useState("");
  const [look, setLook] = useState(FIRST);

  useEffect(() => {
    if (!on || !base) return undefined;
    const ended = new AbortController();
    const others = lines.filter((line) => line.kind === "images" && line.series !== base.series);
    const all = others.map(async (line): Promise<Candidate> => {
      const series = imageSeries(await seriesMetadata(line.study, line.series, ended.signal));
      const [unfit, label] = [unfitOver(base, series), labelOf(line)];
      return unfit === undefined ? { line, label, overlaid: overlaid(series, label) } : { line, label, unfit };
    });
    Promise.all(all).then(
      (candidates) => setFound({ base, candidates }),
      () => undefined,
    );
    return () => ended.abort();
  }, [lines, base, on]);

  const candidates = useMemo(() => (found !== undefined && found.base === base ? found.candidates : []), [found, base]);
  const fit = candidates.find((one) => one.line.series === chosen);
  return {
    candidates,
    chosen: on && fit && "overlaid" in fit ? fit.overlaid : undefined,
    look,
    choose: setChosen,
    change: (given) => setLook((now) => ({ ...now, ...given })),
  };
}

/** A range that people typed: nothing where its ends are not two numbers in their order. */
export function typedRange(lower: string, upper: string): Range | undefined {
  const [low, high] = [Number(lower), Number(upper)];
  return lower.trim() !== "" && upper.trim() !== "" && Number.isFinite(low) && Number.isFinite(high) && low < high
    ? { lower: low, upper: high }
    : undefined;
}
