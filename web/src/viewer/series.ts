/** A series as the viewer shows it: its frames in order, and whether they are a volume. */

import { type DataSet, number, numbers, TAGS, text } from "../dicom/json";
import { frameAddress } from "../dicom/web";
import { dot, evenSpacing, normal, type Plane, plane, sameDirection, triple } from "./geometry";

export type Kind = "images" | "segmentation" | "report" | "keys" | "other";

/** One line of the list of series, from a search. */
export interface SeriesLine {
  study: string;
  series: string;
  number: number | undefined;
  modality: string;
  description: string;
  count: number;
  kind: Kind;
  /** As the header has it; empty where it says none. */
  bodyPart: string;
}

const KINDS: Record<string, Kind> = {
  SEG: "segmentation",
  SR: "report",
  PR: "other",
  KO: "keys",
  DOC: "other",
  RTSTRUCT: "other",
  RTPLAN: "other",
  REG: "other",
};

export function seriesLine(found: DataSet): SeriesLine {
  const modality = text(found, TAGS.modality);
  return {
    study: text(found, TAGS.studyInstanceUid),
    series: text(found, TAGS.seriesInstanceUid),
    number: number(found, TAGS.seriesNumber),
    modality,
    description: text(found, TAGS.seriesDescription),
    count: number(found, TAGS.numberOfSeriesRelatedInstances) ?? 0,
    kind: KINDS[modality] ?? "images",
    bodyPart: text(found, TAGS.bodyPartExamined),
  };
}

export interface Frame {
  /** As Cornerstone names it. */
  imageId: string;
  sopInstanceUid: string;
  /** Counted from 1. */
  frame: number;
  /** Along the slice normal in mm, where the header says it. */
  position: number | undefined;
  header: DataSet;
}

export interface ImageSeries {
  study: string;
  series: string;
  modality: string;
  frames: Frame[];
  plane: Plane | undefined;
  /** Positions of all frames in mm; empty where one has none. */
  positions: number[];
  /** Whether planes can be cut through it: three or more even, parallel slices of one size. */
  isVolume: boolean;
}

/** Where the pixels of a frame are asked for. */
export type FrameAddress = (study: string, series: string, instance: string, frame: number) => string;

function framesOf(
  header: DataSet,
  [study, series]: readonly [string, string],
  axis: readonly number[] | undefined,
  address: FrameAddress,
): Frame[] {
  if ((number(header, TAGS.rows) ?? 0) === 0) return [];
  const sopInstanceUid = text(header, TAGS.sopInstanceUid);
  const count = Math.max(1, number(header, TAGS.numberOfFrames) ?? 1);
  const place = triple(numbers(header, TAGS.imagePosition));
  const direction = axis && triple(axis);
  const position = count === 1 && place && direction ? dot(place, direction) : undefined;
  return Array.from({ length: count }, (_, at) => ({
    imageId: `wadors:${globalThis.location.origin}${address(study, series, sopInstanceUid, at + 1)}`,
    sopInstanceUid,
    frame: at + 1,
    position,
    header,
  }));
}

/** The frames of a series in order: along the slice normal where all are parallel, else by Instance Number. */
export function imageSeries(metadata: readonly DataSet[], address: FrameAddress = frameAddress): ImageSeries {
  const withPixels = metadata.filter((header) => (number(header, TAGS.rows) ?? 0) > 0);
  const first = withPixels[0] ?? {};
  const orientation = numbers(first, TAGS.imageOrientation);
  const direction = normal(orientation);
  const parallel =
    direction !== undefined &&
    withPixels.every((header) => sameDirection(numbers(header, TAGS.imageOrientation), orientation));
  const [study, series] = [text(first, TAGS.studyInstanceUid), text(first, TAGS.seriesInstanceUid)];
  const frames = [...withPixels]
    .sort((one, other) => (number(one, TAGS.instanceNumber) ?? 0) - (number(other, TAGS.instanceNumber) ?? 0))
    .flatMap((header) => framesOf(header, [study, series], parallel ? direction : undefined, address));
  const placed = frames.length > 0 && frames.every((frame) => frame.position !== undefined);
  if (placed) frames.sort((one, other) => (one.position ?? 0) - (other.position ?? 0));
  const positions = placed ? frames.map((frame) => frame.position ?? 0) : [];
  const oneSize = withPixels.every(
    (header) =>
      number(header, TAGS.rows) === number(first, TAGS.rows) &&
      number(header, TAGS.columns) === number(first, TAGS.columns) &&
      (number(header, TAGS.samplesPerPixel) ?? 1) === 1,
  );
  return {
    study,
    series,
    modality: text(first, TAGS.modality),
    frames,
    plane: parallel ? plane(direction) : undefined,
    positions,
    isVolume: frames.length >= 3 && oneSize && evenSpacing(positions) !== undefined,
  };
}
