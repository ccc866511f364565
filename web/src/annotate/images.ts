/** An item's images as the viewer shows them: by numbers, under identifiers of the project's own. */

import { type DataSet, number, TAGS, text } from "../dicom/json";
import { type ImageSeries, imageSeries } from "../viewer/series";
import { frameAddress } from "./api";

/** The number of an image in its item, which its header says as Instance Number. */
export function imageNumber(header: DataSet): number {
  return number(header, TAGS.instanceNumber) ?? 1;
}

export function itemSeries(project: string, item: number, headers: readonly DataSet[]): ImageSeries {
  const numbers = new Map(headers.map((header) => [text(header, TAGS.sopInstanceUid), imageNumber(header)]));
  return imageSeries(headers, (_study, _series, instance, frame) =>
    frameAddress(project, item, numbers.get(instance) ?? 1, frame),
  );
}
