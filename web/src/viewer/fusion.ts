/** A second volume laid over planes of a first, both in one frame of reference. */

import * as core from "@cornerstonejs/core";

import { type DataSet, TAGS, text } from "../dicom/json";
import { uptakeOfSeries, type Uptake } from "../dicom/suv";
import { viewport } from "./engine";
import type { Range } from "./presets";
import type { ImageSeries } from "./series";

export const COLOR_MAPS = ["hotIron", "rainbow", "viridis"] as const;
export type ColorMap = (typeof COLOR_MAPS)[number];

const NAMES: Record<ColorMap, string> = { hotIron: "wilhelm-hot-iron", rainbow: "jet", viridis: "Viridis (matplotlib)" };
/** Of the range, from its lower end: what is less than this is let through more and more. */
const FAINT = 0.15;

/** How the overlay is shown. */
export interface Look {
  colorMap: ColorMap;
  /** 0 to 1. */
  opacity: number;
  /** In the unit that is shown. */
  range: Range;
}

/** A volume that may be laid over another. */
export interface Overlaid {
  series: ImageSeries;
  label: string;
  /** What its values are times, and called, when they are shown. */
  unit: { factor: number; name: string };
  /** Of positron emission tomography: whether uptake values are known. */
  uptake: Uptake | undefined;
}

export type Unfit = "frame" | "volume";

/** Why a series cannot be laid over another; nothing where it can. */
export function unfitOver(base: ImageSeries, other: ImageSeries): Unfit | undefined {
  const frame = (series: ImageSeries) => text(series.frames[0]?.header ?? {}, TAGS.frameOfReferenceUid);
  if (frame(base) === "" || frame(base) !== frame(other)) return "frame";
  return other.isVolume ? undefined : "volume";
}

/** A series with the unit of its values: uptake by body weight where the headers allow it. */
export function overlaid(series: ImageSeries, label: string): Overlaid {
  const headers: DataSet[] = series.frames.map((frame) => frame.header);
  const header = headers[0] ?? {};
  if (series.modality === "PT") {
    const uptake = uptakeOfSeries(headers);
    const stated = text(header, "00541001") === "BQML" ? "Bq/mL" : text(header, "00541001");
    return { series, label, uptake, unit: "factor" in uptake ? { factor: uptake.factor, name: "SUV" } : { factor: 1, name: stated } };
  }
  return { series, label, uptake: undefined, unit: { factor: 1, name: series.modality === "CT" ? "HU" : "" } };
}

/** Of uptake by body weight: customary, from none to what is plainly more than the liver. */
const UPTAKE_RANGE: Range = { lower: 0, upper: 8 };

/** The range that is shown at first, of the values that are there. */
export function firstRange(of: Overlaid, values: Range): Range {
  if (of.unit.name === "SUV") return UPTAKE_RANGE;
  return { lower: values.lower * of.unit.factor, upper: values.upper * of.unit.factor };
}

export function volumeName(series: ImageSeries): string {
  return `cornerstoneStreamingImageVolume:${series.series}`;
}

let registered = false;

/** PS3.6 Section B.1.1: red in the lower half, then green, blue in the last quarter. */
function registerHotIron() {
  if (registered) return;
  registered = true;
  const at = (index: number) => index / 255;
  const points = [0, 0, 0, 0, at(128), 1, 0, 0, at(192), 1, 0.5, 0, 1, 1, 1, 1];
  core.utilities.colormap.registerColormap({ ColorSpace: "RGB", Name: NAMES.hotIron, RGBPoints: points });
}

/** Shows the overlay of a viewport so; one that shows nothing but the overlay, dark on light. */
export function look(id: string, of: Overlaid, { colorMap, opacity, range }: Look, alone: boolean): void {
  registerHotIron();
  const found = viewport(id);
  if (!(found instanceof core.VolumeViewport)) return;
  const [lower, upper] = [range.lower / of.unit.factor, range.upper / of.unit.factor];
  const voiRange = { lower, upper };
  const name = volumeName(of.series);
  if (alone) {
    found.setProperties({ voiRange }, name);
    found.setProperties({ invert: true }, name);
  } else {
    const faint = lower + FAINT * (upper - lower);
    // Shares of `opacity`, by which they are multiplied.
    const opacityMapping = [
      { value: lower, opacity: 0 },
      { value: faint, opacity: 1 },
      { value: Math.max(upper, faint), opacity: 1 },
    ];
    found.setProperties({ voiRange, colormap: { name: NAMES[colorMap] } }, name);
    found.setProperties({ colormap: { opacityMapping, opacity } }, name);
  }
  found.render();
}

/**
 * What is added to a plane so that its opacity is that of a picture.
 *
 * A plane is a slab of a tenth of a millimeter, and where volumes are composed their opacity is that of a millimeter: nearly
 * nothing would be left of it. The largest value along a ray is shown as it is, by the opacity of one step.
 */
export function inPlane(series: ImageSeries): core.Types.IVolumeInput {
  return {
    volumeId: volumeName(series),
    visibility: true,
    blendMode: core.Enums.BlendModes.MAXIMUM_INTENSITY_BLEND,
    callback: ({ volumeActor }) => {
      const mapper = volumeActor.getMapper() as { getSampleDistance: () => number } | null;
      if (mapper) volumeActor.getProperty().setScalarOpacityUnitDistance(0, mapper.getSampleDistance());
    },
  };
}

/** Takes the overlay off a viewport. */
export function takeOff(id: string, series: ImageSeries): void {
  const found = viewport(id);
  if (!(found instanceof core.VolumeViewport)) return;
  const name = volumeName(series);
  const actors = found.getActors().filter((actor) => actor.referencedId === name);
  found.removeVolumeActors(actors.map((actor) => actor.uid));
  found.render();
}

/** The value of the voxel nearest to a point, as it is shown; nothing beyond the volume. */
export function valueAt(series: ImageSeries, factor: number, point: core.Types.Point3): number | undefined {
  const volume = core.cache.getVolume(volumeName(series));
  const [i, j, k] = (volume?.imageData?.worldToIndex(point) ?? []).map(Math.round);
  if (!volume?.voxelManager || i === undefined || j === undefined || k === undefined) return undefined;
  const [columns, rows, slices] = volume.dimensions;
  if (i < 0 || j < 0 || k < 0 || i >= columns || j >= rows || k >= slices) return undefined;
  const value: unknown = volume.voxelManager.getAtIJK(i, j, k);
  return typeof value === "number" ? value * factor : undefined;
}
