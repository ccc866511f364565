import { parseDicom } from "dicom-parser";
import { expect, test } from "vitest";

import { dataSetBytes, decimal, newUid, part10 } from "./part10";

test("elements are written in the order of their tags, by hand", () => {
  const bytes = dataSetBytes({
    "00280010": { vr: "US", Value: [258] },
    "00080060": { vr: "CS", Value: ["SEG"] },
    "00081115": { vr: "SQ", Value: [{ "0020000E": { vr: "UI", Value: ["1.2"] } }] },
  });
  expect([...bytes]).toEqual([
    // (0008,0060) CS, 4 bytes: SEG and a space.
    0x08, 0, 0x60, 0, 0x43, 0x53, 4, 0, 0x53, 0x45, 0x47, 0x20,
    // (0008,1115) SQ, two reserved bytes, 20 bytes: an item of 12 bytes.
    0x08, 0, 0x15, 0x11, 0x53, 0x51, 0, 0, 20, 0, 0, 0, 0xfe, 0xff, 0x00, 0xe0, 12, 0, 0, 0,
    // (0020,000E) UI, 4 bytes: 1.2 and a zero.
    0x20, 0, 0x0e, 0, 0x55, 0x49, 4, 0, 0x31, 0x2e, 0x32, 0,
    // (0028,0010) US, 2 bytes: 0x0102, the lower byte first.
    0x28, 0, 0x10, 0, 0x55, 0x53, 2, 0, 2, 1,
  ]);
});

test("a file is read back by another parser", () => {
  const name = { Alphabetic: "Wang^XiaoDong", Ideographic: "王^小东" };
  const file = part10(
    {
      "00080016": { vr: "UI", Value: ["1.2.840.10008.5.1.4.1.1.66.4"] },
      "00080018": { vr: "UI", Value: ["2.25.1"] },
      "00100010": { vr: "PN", Value: [name] },
      "00200032": { vr: "DS", Value: [-191.625, 1 / 3, 12] },
      "00209165": { vr: "AT", Value: ["0062000B"] },
    },
    Uint8Array.of(1, 2, 3),
  );
  const read = parseDicom(file);
  expect(read.string("x00020010")).toBe("1.2.840.10008.1.2.1");
  expect(read.string("x00020003")).toBe("2.25.1");
  expect(read.floatString("x00200032", 1)).toBeCloseTo(1 / 3, 12);
  expect(read.attributeTag("x00209165")).toBe("x0062000b");
  const at = read.elements["x00100010"];
  expect(new TextDecoder().decode(file.subarray(at?.dataOffset, (at?.dataOffset ?? 0) + (at?.length ?? 0)))).toMatch(/^Wang\^XiaoDong=王\^小东 ?$/);
  // Of an odd number of bytes, one more.
  expect(read.elements["x7fe00010"]?.length).toBe(4);
});

test("decimals have no more than 16 characters", () => {
  expect(decimal(0.75)).toBe("0.75");
  expect(decimal(-1 / 3)).toBe("-0.3333333333333");
  expect(decimal(-1.2345678901234e-7).length).toBeLessThanOrEqual(16);
});

test("new identifiers are UUIDs under 2.25", () => {
  const uid = newUid();
  expect(uid).toMatch(/^2\.25\.[1-9]\d{0,38}$/);
  expect(uid).not.toBe(newUid());
  const bits = BigInt(uid.slice(5));
  expect((bits >> 76n) & 15n).toBe(4n);
});
