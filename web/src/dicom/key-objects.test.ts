import { parseDicom } from "dicom-parser";
import { expect, test } from "vitest";

import type { DataSet } from "./json";
import { keyObjectFile, selection } from "./key-objects";

const header = (sop: string, frames: number): DataSet => ({
  "00080016": { vr: "UI", Value: ["1.2.840.10008.5.1.4.1.1.6.1"] },
  "00080018": { vr: "UI", Value: [sop] },
  "0020000D": { vr: "UI", Value: ["1.1"] },
  "0020000E": { vr: "UI", Value: ["1.1.1"] },
  "00280008": { vr: "IS", Value: [frames] },
});

test("a selection names each image, and the frame of an object that has many", () => {
  const maker = { name: "", at: new Date(2024, 1, 3) };
  const images = [{ header: header("1.2.1", 1), frame: 1 }, { header: header("1.2.2", 30), frame: 7 }];
  const read = parseDicom(keyObjectFile(images, "teaching", "two\nviews", maker));
  const content = read.elements["x0040a730"]?.items ?? [];
  expect(content).toHaveLength(3);
  const referenced = content.slice(1).map((item) => item.dataSet?.elements["x00081199"]?.items?.[0]?.dataSet);
  expect(referenced.map((item) => [item?.string("x00081155"), item?.string("x00081160")])).toEqual([
    ["1.2.1", undefined],
    ["1.2.2", "7"],
  ]);
  expect(content[0]?.dataSet?.string("x0040a160")).toBe("two views (research use only)");
  // One series is evidence once, with both objects.
  const evidence = read.elements["x0040a375"]?.items?.[0]?.dataSet?.elements["x00081115"]?.items ?? [];
  expect(evidence).toHaveLength(1);
  expect(evidence[0]?.dataSet?.elements["x00081199"]?.items).toHaveLength(2);
});

test("a selection is read back", () => {
  const item = (type: string, more: DataSet): DataSet => ({ "0040A040": { vr: "CS", Value: [type] }, ...more });
  const found = selection({
    "00080018": { vr: "UI", Value: ["9"] },
    "0040A043": { vr: "SQ", Value: [{ "00080104": { vr: "LO", Value: ["For Teaching"] } }] },
    "0040A730": {
      vr: "SQ",
      Value: [
        item("TEXT", { "0040A160": { vr: "UT", Value: ["cyst (research use only)"] } }),
        item("IMAGE", { "00081199": { vr: "SQ", Value: [{ "00081155": { vr: "UI", Value: ["1.2"] }, "00081160": { vr: "IS", Value: ["7"] } }] } }),
      ],
    },
  });
  expect(found).toEqual({ sopInstanceUid: "9", title: "For Teaching", words: "cyst", images: [{ sopInstanceUid: "1.2", frame: 7 }] });
});
