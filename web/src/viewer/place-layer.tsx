import * as core from "@cornerstonejs/core";
import { useEffect, useState } from "react";

import type { Place } from "../api/reports";
import { stack } from "./engine";
import { laidOver, outline, type Point } from "./layer";

interface Props {
  viewportId: string;
  place: Place;
  /** Of the overlay, from 0 to 1. */
  opacity: number;
}

const { CAMERA_MODIFIED, IMAGE_RENDERED, STACK_NEW_IMAGE, ELEMENT_ENABLED } = core.Enums.Events;

/** Any size does: the picture is stretched to it, and it to the frame. */
const SIZE = 512;

interface Grid {
  indexToWorld: (index: core.Types.Point3) => core.Types.Point3;
}

interface Drawn {
  transform: string;
  points: string;
}

/** Where the frame that is shown lies on the pane, and the place's outline on it. */
function drawn(viewportId: string, place: Place): Drawn | undefined {
  const viewport = stack(viewportId);
  // Its declared type leaves out that there is none before the first image, and holds parts of vtk.js's image alone.
  const data = viewport?.getImageData() as { dimensions: core.Types.Point3; imageData: Grid } | undefined;
  if (!viewport || !data) return undefined;
  const [columns, rows] = data.dimensions;
  const onPane = (column: number, row: number): Point => {
    const [x, y] = viewport.worldToCanvas(data.imageData.indexToWorld([column, row, 0]));
    return [x, y];
  };
  // The center of the first pixel is 0, its corner half a pixel before.
  const [left, top, right, bottom] = [-0.5, -0.5, columns - 0.5, rows - 0.5];
  return {
    transform: laidOver(SIZE, onPane(left, top), onPane(right, top), onPane(left, bottom)),
    points: outline((place.region?.polygon ?? []).map(([column, row]) => onPane(column - 0.5, row - 0.5))),
  };
}

/** The overlay and the outline of a place, over the frame that it is of; it follows zoom and pan. */
export function PlaceLayer({ viewportId, place, opacity }: Props) {
  const [now, setNow] = useState<Drawn>();
  useEffect(() => {
    const element = stack(viewportId)?.element;
    if (!element) return undefined;
    const look = () => setNow(drawn(viewportId, place));
    const first = requestAnimationFrame(look);
    const events = [CAMERA_MODIFIED, IMAGE_RENDERED, STACK_NEW_IMAGE, ELEMENT_ENABLED];
    for (const event of events) element.addEventListener(event, look);
    return () => {
      cancelAnimationFrame(first);
      for (const event of events) element.removeEventListener(event, look);
    };
  }, [viewportId, place]);
  if (!now) return null;
  return (
    <div className="layer" data-testid="layer">
      {place.overlay !== null && opacity > 0 && (
        <img src={place.overlay} alt={place.words} width={SIZE} height={SIZE} style={{ opacity, transform: now.transform }} />
      )}
      {now.points !== "" && opacity > 0 && (
        <svg role="img" aria-label={place.words}>
          <polygon className="under" points={now.points} />
          <polygon points={now.points} />
        </svg>
      )}
    </div>
  );
}
