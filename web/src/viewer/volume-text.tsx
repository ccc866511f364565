import { numbers, TAGS } from "../dicom/json";
import { useWords } from "../language/language";
import { evenSpacing, milliliters } from "./geometry";
import type { ImageSeries } from "./series";

/** How much a segment holds: mL where the slices are evenly spaced, and voxels in any case. */
export function Volume({ voxels, series }: { voxels: number; series: ImageSeries }) {
  const words = useWords().images;
  if (voxels === 0) return null;
  const spacing = numbers(series.frames[0]?.header ?? {}, TAGS.pixelSpacing);
  const volume = milliliters(voxels, spacing, evenSpacing(series.positions));
  return (
    <small data-testid="volume" data-voxels={voxels}>
      {volume === undefined ? words.voxels(voxels) : `${volume.toFixed(volume < 10 ? 2 : 1)} mL`}
    </small>
  );
}
