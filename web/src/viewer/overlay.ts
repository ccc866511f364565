/** A segmentation object laid over the images that it was drawn on. */

import * as core from "@cornerstonejs/core";
import * as tools from "@cornerstonejs/tools";

import { dot, normal, triple } from "./geometry";
import { framePixels, type Segmentation } from "../dicom/segmentation";
import { number, numbers, TAGS } from "../dicom/json";
import type { ImageSeries } from "./series";

const { Labelmap } = tools.Enums.SegmentationRepresentations;

/** How far a frame may lie from its image, in mm, where it names none. */
const NEAR = 0.1;

/** The frame's image by its identifier, else by where it lies; `undefined` where it is of other images. */
export function imageOf(
  frame: Segmentation["frames"][number],
  series: Pick<ImageSeries, "frames" | "positions">,
): number | undefined {
  const named = series.frames.findIndex((image) => image.sopInstanceUid === frame.sopInstanceUid);
  if (named >= 0) return named;
  const direction = normal(numbers(series.frames[0]?.header ?? {}, TAGS.imageOrientation));
  const place = triple(frame.imagePosition);
  if (!direction || !place) return undefined;
  const at = series.positions.findIndex((position) => Math.abs(position - dot(place, direction)) < NEAR);
  return at >= 0 ? at : undefined;
}

/** Whether a segmentation lies on the grid of a series: the same pixels, and each of its frames on one of the images. */
export function fits(segmentation: Segmentation, series: ImageSeries): boolean {
  const header = series.frames[0]?.header ?? {};
  return (
    number(header, TAGS.rows) === segmentation.rows &&
    number(header, TAGS.columns) === segmentation.columns &&
    segmentation.frames.length > 0 &&
    segmentation.frames.every((frame) => imageOf(frame, series) !== undefined)
  );
}

export interface Laid {
  id: string;
  /** Pixels that a later segment took from an earlier one. */
  overlapping: number;
  /** Voxels of each segment, as the object has them. */
  voxels: ReadonlyMap<number, number>;
}

/** Makes the label images of a segmentation; they hold segment numbers. */
export function lay(id: string, file: Uint8Array, segmentation: Segmentation, series: ImageSeries): Laid {
  const imageIds = series.frames.map((frame) => frame.imageId);
  const labels = core.imageLoader.createAndCacheDerivedLabelmapImages(imageIds);
  const pixels = framePixels(file, segmentation);
  let overlapping = 0;
  const voxels = new Map<number, number>();
  segmentation.frames.forEach((frame, at) => {
    const image = labels[imageOf(frame, series) ?? -1];
    const outlined = pixels[at];
    if (!image?.voxelManager || !outlined) return;
    const scalars = image.voxelManager.getScalarData();
    let count = 0;
    for (let voxel = 0; voxel < outlined.length; voxel += 1) {
      if (outlined[voxel] === 0) continue;
      count += 1;
      if (scalars[voxel] !== 0) overlapping += 1;
      scalars[voxel] = frame.segment;
    }
    voxels.set(frame.segment, (voxels.get(frame.segment) ?? 0) + count);
    image.voxelManager.setScalarData(scalars);
  });
  tools.segmentation.addSegmentations([
    {
      segmentationId: id,
      representation: { type: Labelmap, data: { imageIds: labels.map((image) => image.imageId), referencedImageIds: imageIds } },
      config: {
        label: segmentation.label,
        segments: Object.fromEntries(
          segmentation.segments.map((segment) => [segment.number, { segmentIndex: segment.number, label: segment.label }]),
        ),
      },
    },
  ]);
  return { id, overlapping, voxels };
}

/** Takes a segmentation off every viewport, and forgets it. */
export function takeAway(laid: Pick<Laid, "id">): void {
  tools.segmentation.removeSegmentation(laid.id);
}

export function showOn(viewportId: string, laid: Pick<Laid, "id">): void {
  tools.segmentation.addLabelmapRepresentationToViewport(viewportId, [{ segmentationId: laid.id }]);
}

export function setSegmentVisible(viewportId: string, laid: Laid, segment: number, visible: boolean): void {
  const specifier = { segmentationId: laid.id, type: Labelmap };
  tools.segmentation.config.visibility.setSegmentIndexVisibility(viewportId, specifier, segment, visible);
}

/** The color of a segment, in bytes; nothing where the segmentation does not lie on the viewport. */
export function colorOf(viewportId: string, laid: Pick<Laid, "id">, segment: number): readonly [number, number, number] | undefined {
  // Its declared type leaves out that there is none.
  const found = tools.segmentation.config.color.getSegmentIndexColor(viewportId, laid.id, segment) as core.Types.Color | null;
  return found === null ? undefined : [found[0], found[1], found[2]];
}

/** A segment's color as CSS writes it. */
export function segmentColor(viewportId: string, laid: Pick<Laid, "id">, segment: number): string {
  const color = colorOf(viewportId, laid, segment);
  return color === undefined ? "transparent" : `rgb(${color.join(" ")})`;
}

export function setOpacity(laid: Pick<Laid, "id">, opacity: number): void {
  tools.segmentation.config.style.setStyle(
    { type: Labelmap, segmentationId: laid.id },
    { fillAlpha: opacity, fillAlphaInactive: opacity },
  );
}
