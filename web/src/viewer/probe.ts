/** The probe on stacks. Cornerstone3D 5.14 looks for the slice's number within the one image that a stack holds, and finds nothing. */

import * as tools from "@cornerstonejs/tools";

interface Statistics {
  index?: ArrayLike<number>;
  value?: unknown;
  Modality?: unknown;
  modalityUnit?: string;
}

/** What the tool works its value out of; its own declarations leave the types open. */
interface Drawn {
  data: { cachedStats: Record<string, Statistics> };
}

export class StackProbeTool extends tools.ProbeTool {
  static override toolName = "StackProbe";

  override _calculateCachedStats(...given: Parameters<tools.ProbeTool["_calculateCachedStats"]>): unknown {
    const done: unknown = super._calculateCachedStats(...given);
    const { cachedStats } = (given[0] as Drawn).data;
    for (const [target, statistics] of Object.entries(cachedStats)) {
      const { index, value } = statistics;
      if (value !== undefined || !index || !target.startsWith("imageId:")) continue;
      const image = this.getTargetImageData(target) as ReturnType<typeof this.getTargetImageData> | undefined;
      statistics.value = image?.voxelManager?.getAtIJK(index[0] ?? 0, index[1] ?? 0, 0);
    }
    return done;
  }
}
