import * as core from "@cornerstonejs/core";
import { useEffect, useState } from "react";

import { useWords } from "../language/language";
import { viewport } from "./engine";
import { type Overlaid, valueAt } from "./fusion";
import type { ImageSeries } from "./series";
import { VOLUME_PANES, type VolumePane } from "./volume-panes";

interface Props {
  series: ImageSeries;
  over: Overlaid | undefined;
  active: VolumePane;
}

const written = (value: number | undefined, unit: string) =>
  value === undefined ? "-" : `${Math.abs(value) >= 100 ? value.toFixed(0) : value.toFixed(2)} ${unit}`.trim();

/** The values of both volumes where the pointer is, else in the middle of the active plane. */
export function Readout({ series, over, active }: Props) {
  const words = useWords().images;
  const [at, setAt] = useState<core.Types.Point3>();

  useEffect(() => {
    if (!over) return undefined;
    const ended = new AbortController();
    for (const pane of VOLUME_PANES.filter((one) => one !== "mip")) {
      const found = viewport(pane);
      const element = found?.element;
      if (!found || !element) continue;
      const middle = () => {
        if (pane === active) setAt(found.getCamera().focalPoint);
      };
      middle();
      element.addEventListener(core.Enums.Events.CAMERA_MODIFIED, middle, { signal: ended.signal });
      element.addEventListener("mouseleave", middle, { signal: ended.signal });
      element.addEventListener(
        "mousemove",
        (event) => {
          const box = element.getBoundingClientRect();
          setAt(found.canvasToWorld([event.clientX - box.left, event.clientY - box.top]));
        },
        { signal: ended.signal },
      );
    }
    return () => ended.abort();
  }, [over, active]);

  if (!over || !at) return null;
  const base = written(valueAt(series, 1, at), series.modality === "CT" ? "HU" : "");
  return (
    <p className="readout" data-testid="readout">
      {words.here}: {series.modality} {base} · {over.series.modality} {written(valueAt(over.series, over.unit.factor, at), over.unit.name)}
    </p>
  );
}
