/** What commands do to a viewport. */

import * as core from "@cornerstonejs/core";
import * as tools from "@cornerstonejs/tools";

import { stack, viewport } from "./engine";
import { type Window, windowRange } from "./presets";

/** Scrolls by a number of images, to the ends and no further. */
export function step(id: string, by: number): void {
  const images = stack(id);
  if (images) {
    const last = images.getImageIds().length - 1;
    void images.setImageIdIndex(Math.min(Math.max(images.getTargetImageIdIndex() + by, 0), last));
    return;
  }
  const volume = viewport(id);
  if (volume instanceof core.VolumeViewport) {
    volume.scroll(by);
    volume.render();
  }
}

export function toEnd(id: string, at: "first" | "last"): void {
  const many = 1e6;
  const images = stack(id);
  if (images) void images.setImageIdIndex(at === "first" ? 0 : images.getImageIds().length - 1);
  else step(id, at === "first" ? -many : many);
}

export function jump(id: string, index: number): void {
  void stack(id)?.setImageIdIndex(index);
}

export function setWindow(ids: readonly string[], window: Window | "full"): void {
  for (const id of ids) {
    const found = viewport(id);
    if (!found) continue;
    if (window !== "full") {
      found.setProperties({ voiRange: windowRange(window) });
    } else {
      const range = fullRange(found);
      if (range) found.setProperties({ voiRange: range });
    }
    found.render();
  }
}

/** Lowest and highest value: of the image that is shown, or of the volume. */
function fullRange(found: core.StackViewport | core.VolumeViewport): { lower: number; upper: number } | undefined {
  if (found instanceof core.StackViewport) {
    const image = found.getCornerstoneImage();
    const [slope, intercept] = [image.slope || 1, image.intercept || 0];
    // The loader has scaled the pixels already where it says so; the extremes are of what is stored.
    const scaled = image.preScale?.scaled === true;
    const [low, high] = [image.minPixelValue, image.maxPixelValue];
    return scaled ? { lower: low, upper: high } : { lower: low * slope + intercept, upper: high * slope + intercept };
  }
  const range = found.getImageData()?.voxelManager?.getRange();
  return range ? { lower: range[0], upper: range[1] } : undefined;
}

/** Turns light and dark around; gives whether they are turned now. */
export function invert(ids: readonly string[]): boolean {
  let now = false;
  for (const id of ids) {
    const found = viewport(id);
    if (!found) continue;
    now = found.getProperties()?.invert !== true;
    found.setProperties({ invert: now });
    found.render();
  }
  return now;
}

export function reset(ids: readonly string[]): void {
  for (const id of ids) {
    const found = viewport(id);
    if (!found) continue;
    if (found instanceof core.StackViewport) found.resetToDefaultProperties();
    found.resetCamera();
    found.render();
  }
}

/** Plays so many frames a second, or stops. */
export function cine(id: string, framesPerSecond: number | undefined): void {
  const element = viewport(id)?.element;
  if (!element) return;
  if (framesPerSecond !== undefined) tools.utilities.cine.playClip(element, { framesPerSecond, loop: true });
  else tools.utilities.cine.stopClip(element);
}

/** Forgets what was drawn and cached of a study that is left. */
export function leave(): void {
  tools.annotation.state.removeAllAnnotations();
  tools.segmentation.removeAllSegmentations();
  core.cache.purgeCache();
}
