import { describe, expect, it } from "vitest";

import { cameraSides, imageSides, letters } from "./sides";

const oriented = (values: number[]) => ({ "00200037": { vr: "DS", Value: values } });

describe("sides", () => {
  it("an axial image from below has the patient's right at its left", () => {
    expect(imageSides(oriented([1, 0, 0, 0, 1, 0]))).toEqual({ left: "R", right: "L", top: "A", bottom: "P" });
  });

  it("a coronal image has the head at its top, a sagittal one the front at its left", () => {
    expect(imageSides(oriented([1, 0, 0, 0, 0, -1]))).toEqual({ left: "R", right: "L", top: "H", bottom: "F" });
    expect(imageSides(oriented([0, 1, 0, 0, 0, -1]))).toEqual({ left: "A", right: "P", top: "H", bottom: "F" });
  });

  it("an oblique direction is named by the axis that it follows most", () => {
    expect(letters([0.8, -0.6, 0])).toBe("LA");
    expect(letters([0.995, 0.1, 0])).toBe("L");
  });

  it("a film without direction cosines is named by Patient Orientation, and by nothing where that is no orientation", () => {
    const film = (values: string[]) => ({ "00200020": { vr: "CS", Value: values } });
    expect(imageSides(film(["L", "F"]))).toEqual({ left: "R", right: "L", top: "H", bottom: "F" });
    expect(imageSides(film(["LE", "F"]))).toBeUndefined();
    expect(imageSides({})).toBeUndefined();
  });

  it("a camera below the feet that looks to the head sees what an axial image shows", () => {
    expect(cameraSides([0, -1, 0], [0, 0, -1])).toEqual({ left: "R", right: "L", top: "A", bottom: "P" });
  });
});
