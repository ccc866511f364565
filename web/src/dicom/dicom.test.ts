import { expect, test } from "vitest";

import { type DataSet, number, numbers, texts } from "./json";
import { date, patientName, time } from "./show";
import { unpacked } from "./segmentation";

test("values come out as text and numbers, whichever the archive wrote", () => {
  const data: DataSet = {
    "00280030": { vr: "DS", Value: ["0.5", 0.75] },
    "00080061": { vr: "CS", Value: ["CT ", null, "SEG"] },
    "00080050": { vr: "SH" },
  };
  expect(numbers(data, "00280030")).toEqual([0.5, 0.75]);
  expect(texts(data, "00080061")).toEqual(["CT", "", "SEG"]);
  expect(number(data, "00080050")).toBeUndefined();
  expect(number(data, "00080061")).toBeUndefined();
});

test("a name is read family first, in the groups that it has, the page's language before the other", () => {
  const named = (value: object) => ({ "00100010": { vr: "PN", Value: [value] } }) as DataSet;
  const both = named({ Alphabetic: "Wang^XiaoDong", Ideographic: "王^小东" });
  expect(patientName(both, "en")).toBe("Wang, XiaoDong 王小东");
  expect(patientName(both, "zh")).toBe("王小东 Wang, XiaoDong");
  expect(patientName(named({ Alphabetic: "Doe^Jane^^Dr" }), "en")).toBe("Doe, Jane Dr");
  expect(patientName({}, "en")).toBe("");
});

test("dates and times are read, and what is none is left as it is", () => {
  expect(date("20240131")).toBe("2024-01-31");
  expect(date("2024")).toBe("2024");
  expect(time("093000.12")).toBe("09:30");
  expect(time("")).toBe("");
});

test("bits are unpacked from the lowest, across the ends of bytes", () => {
  // By hand: 0b00000101 holds 1 0 1 0 0 0 0 0, 0b10000000 ends with a 1.
  expect([...unpacked(new Uint8Array([0b101, 0b1000_0000]), 0, 16)]).toEqual([1, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
  expect([...unpacked(new Uint8Array([0b101, 0b1000_0000]), 2, 3)]).toEqual([1, 0, 0]);
});
