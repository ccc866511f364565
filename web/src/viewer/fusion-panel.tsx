import { useState } from "react";

import { useWords } from "../language/language";
import { COLOR_MAPS, type ColorMap, type Overlaid } from "./fusion";
import { type Fusion, typedRange } from "./use-fusion";

/** What lies over the planes, and how. */
export function FusionPanel({ fusion }: { fusion: Fusion }) {
  const words = useWords().images;
  const { candidates, chosen, look } = fusion;
  const fit = candidates.filter((one) => "overlaid" in one);
  const unfit = candidates.flatMap((one) => ("unfit" in one ? [{ label: one.label, why: words.unfit[one.unfit] }] : []));
  return (
    <section aria-label={words.fusion} data-testid="fusion">
      <h2>{words.fusion}</h2>
      {candidates.length === 0 && <p className="note">{words.nothingToFuse}</p>}
      {fit.length > 0 && (
        <label>
          {words.over}
          <select value={chosen?.series.series ?? ""} onChange={(event) => fusion.choose(event.target.value)}>
            <option value="">{words.none}</option>
            {fit.map(({ line, label }) => (
              <option key={line.series} value={line.series}>
                {label}
              </option>
            ))}
          </select>
        </label>
      )}
      {unfit.map(({ label, why }) => (
        <p key={label} className="note">
          {label}: {why}
        </p>
      ))}
      {chosen && (
        <>
          {chosen.uptake && <p className="note">{"factor" in chosen.uptake ? words.uptake : words.noUptake(words.noUptakeReasons[chosen.uptake.why])}</p>}
          <label>
            {words.colorMap}
            <select value={look.colorMap} onChange={(event) => fusion.change({ colorMap: event.target.value as ColorMap })}>
              {COLOR_MAPS.map((one) => (
                <option key={one} value={one}>
                  {words.colorMaps[one]}
                </option>
              ))}
            </select>
          </label>
          <label>
            {words.opacity}
            <input
              type="range"
              min="0"
              max="1"
              step="0.05"
              value={look.opacity}
              onChange={(event) => fusion.change({ opacity: Number(event.target.value) })}
            />
          </label>
          <RangeFields key={`${chosen.series.series} ${look.range.lower} ${look.range.upper}`} fusion={fusion} chosen={chosen} />
        </>
      )}
    </section>
  );
}

function RangeFields({ fusion, chosen }: { fusion: Fusion; chosen: Overlaid }) {
  const words = useWords().images;
  const rounded = (value: number) => String(Number(value.toPrecision(5)));
  const [ends, setEnds] = useState({ lower: rounded(fusion.look.range.lower), upper: rounded(fusion.look.range.upper) });
  const range = typedRange(ends.lower, ends.upper);
  const field = (end: "lower" | "upper", label: string) => (
    <label className="inline">
      {label}
      <input
        type="text"
        inputMode="decimal"
        size={7}
        value={ends[end]}
        aria-invalid={range === undefined}
        onChange={(event) => setEnds({ ...ends, [end]: event.target.value })}
        onBlur={() => range && fusion.change({ range })}
        onKeyDown={(event) => {
          if (event.key === "Enter" && range) fusion.change({ range });
        }}
      />
    </label>
  );
  return (
    <p className="range">
      {field("lower", words.from)} {field("upper", words.to)} {chosen.unit.name}
    </p>
  );
}
