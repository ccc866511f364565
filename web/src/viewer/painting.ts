/** Labels painted on a stack: made, shown, taken back, and gathered to be saved. */

import * as core from "@cornerstonejs/core";
import * as tools from "@cornerstonejs/tools";

import type { PaintedImage, PaintedSegment, Property } from "../dicom/segmentation-write";
import { brushes } from "./engine";
import { colorOf, setOpacity, showOn } from "./overlay";
import type { Range } from "./presets";
import type { ImageSeries } from "./series";

/** A segment that people named. */
export interface Named {
  number: number;
  label: string;
  property: Property;
}

export interface Painting {
  id: string;
  series: ImageSeries;
  segments: Named[];
  active: number;
  /** Segments that the threshold brush painted. */
  byThreshold: ReadonlySet<number>;
}

const OPACITY = 0.5;
/** Of a segment that lies on no viewport. */
const GRAY = [128, 128, 128] as const;
const MOST_SEGMENTS = 255;

let made = 0;

/** Empty labels over the images of a series. */
export function begin(series: ImageSeries, label: string): Painting {
  made += 1;
  const id = `painting-${made}`;
  const imageIds = series.frames.map((frame) => frame.imageId);
  const labels = core.imageLoader.createAndCacheDerivedLabelmapImages(imageIds);
  const { Labelmap } = tools.Enums.SegmentationRepresentations;
  tools.segmentation.addSegmentations([
    {
      segmentationId: id,
      representation: { type: Labelmap, data: { imageIds: labels.map((image) => image.imageId), referencedImageIds: imageIds } },
      config: { label, segments: { 1: { segmentIndex: 1, label } } },
    },
  ]);
  return { id, series, segments: [{ number: 1, label, property: "lesion" }], active: 1, byThreshold: new Set() };
}

/** Shows a painting on a viewport, and gives the brush its active segment. */
export function takeUp(viewportId: string, painting: Painting): void {
  const shown = tools.segmentation.state.getSegmentationRepresentations(viewportId, { segmentationId: painting.id });
  if (shown.length === 0) {
    showOn(viewportId, painting);
    setOpacity(painting, OPACITY);
  }
  tools.segmentation.activeSegmentation.setActiveSegmentation(viewportId, painting.id);
  tools.segmentation.segmentIndex.setActiveSegmentIndex(painting.id, painting.active);
}

export function discard(painting: Painting): void {
  tools.segmentation.removeSegmentation(painting.id);
}

/** A painting with one segment more, which is the active one. */
export function withSegment(painting: Painting, label: string): Painting {
  const number = Math.max(0, ...painting.segments.map((segment) => segment.number)) + 1;
  if (number > MOST_SEGMENTS) return painting;
  return { ...painting, segments: [...painting.segments, { number, label, property: "lesion" }], active: number };
}

export function setBrush(radiusMm: number): void {
  for (const brush of brushes()) {
    brush.configuration["brushSize"] = radiusMm;
    brush.invalidateBrushCursor();
  }
}

/** What the threshold brush takes, in the unit of the window: Hounsfield units of CT. */
export function setThreshold(range: Range, image: core.Types.IImage | undefined): void {
  // Pixels that the loader did not scale are compared as they are stored.
  const [slope, intercept] = image?.preScale?.scaled === true ? [1, 0] : [image?.slope || 1, image?.intercept || 0];
  const stored = [range.lower, range.upper].map((value) => (value - intercept) / slope).sort((one, other) => one - other);
  for (const brush of brushes()) brush.configuration["threshold"] = { range: stored, isDynamic: false };
}

/** The images with what was painted on them. */
export function imagesOf(painting: Painting): PaintedImage[] {
  const held = tools.segmentation.state.getSegmentation(painting.id)?.representationData.Labelmap;
  const labelIds = held && "imageIds" in held ? (held.imageIds ?? []) : [];
  return painting.series.frames.map((frame, at) => ({
    header: frame.header,
    labels: core.cache.getImage(labelIds[at] ?? "")?.voxelManager?.getScalarData() ?? [],
  }));
}

/** The segments of a painting in the colors that they are shown in. */
export function segmentsOf(viewportId: string, painting: Painting): PaintedSegment[] {
  return painting.segments.map((segment) => {
    return { ...segment, byThreshold: painting.byThreshold.has(segment.number), color: colorOf(viewportId, painting, segment.number) ?? GRAY };
  });
}

/** How many voxels each segment holds. */
export function counted(labels: Iterable<ArrayLike<number>>): Map<number, number> {
  const counts = new Uint32Array(MOST_SEGMENTS + 1);
  for (const image of labels) {
    for (let at = 0; at < image.length; at += 1) {
      const label = image[at] ?? 0;
      if (label !== 0) counts[label] = (counts[label] ?? 0) + 1;
    }
  }
  return new Map([...counts.entries()].filter(([, count]) => count > 0));
}

export function undo(): boolean {
  const history = core.utilities.HistoryMemo.DefaultHistoryMemo;
  if (!history.canUndo) return false;
  history.undo();
  return true;
}

export function redo(): boolean {
  const history = core.utilities.HistoryMemo.DefaultHistoryMemo;
  if (!history.canRedo) return false;
  history.redo();
  return true;
}

/** Calls back whenever labels of a painting changed, until it is told to end. */
export function onPainted(painting: string, changed: () => void): () => void {
  const event = tools.Enums.Events.SEGMENTATION_DATA_MODIFIED;
  const listener = (given: Event) => {
    if ((given as CustomEvent<{ segmentationId: string }>).detail.segmentationId === painting) changed();
  };
  core.eventTarget.addEventListener(event, listener);
  return () => core.eventTarget.removeEventListener(event, listener);
}

/** Calls back whenever labels begin to lie on a viewport, until it is told to end. */
export function onShown(changed: () => void): () => void {
  const event = tools.Enums.Events.SEGMENTATION_REPRESENTATION_MODIFIED;
  core.eventTarget.addEventListener(event, changed);
  return () => core.eventTarget.removeEventListener(event, changed);
}
