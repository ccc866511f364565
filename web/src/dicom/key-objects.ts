/** Key images: a Key Object Selection Document (PS3.3 Section A.35.4, PS3.16 TID 2010), written and read. */

import { type DataSet, items, number, TAGS, text } from "./json";
import { code, common, type Maker, reference, RESEARCH_USE, sequence, short, single } from "./made";
import type { ImageReference } from "./content";
import { part10 } from "./part10";

const KEY_OBJECT_SELECTION = "1.2.840.10008.5.1.4.1.1.88.59";
const SERIES_NUMBER = 9200;

/** Why images are selected (PS3.16 CID 7010). */
export const TITLES = {
  interest: { value: "113000", scheme: "DCM", meaning: "Of Interest" },
  referring: { value: "113002", scheme: "DCM", meaning: "For Referring Provider" },
  teaching: { value: "113004", scheme: "DCM", meaning: "For Teaching" },
  conference: { value: "113005", scheme: "DCM", meaning: "For Conference" },
  report: { value: "113020", scheme: "DCM", meaning: "For Report Attachment" },
} as const;
export type Title = keyof typeof TITLES;

export interface KeyImage {
  header: DataSet;
  /** Counted from 1. */
  frame: number;
}

/** The file that selects images, which all are of one study. Throws where there is none. */
export function keyObjectFile(images: readonly KeyImage[], title: Title, words: string, maker: Maker): Uint8Array<ArrayBuffer> {
  const first = images[0]?.header;
  if (!first) throw new Error("no image is selected");
  const ofMany = (header: DataSet) => (number(header, TAGS.numberOfFrames) ?? 1) > 1;
  const bySeries = new Map<string, Map<string, DataSet>>();
  for (const { header } of images) {
    const series = text(header, TAGS.seriesInstanceUid);
    const held = bySeries.get(series) ?? new Map<string, DataSet>();
    held.set(text(header, TAGS.sopInstanceUid), reference(header));
    bySeries.set(series, held);
  }
  const content = [
    {
      "0040A010": single("CS", "CONTAINS"),
      "0040A040": single("CS", "TEXT"),
      "0040A043": sequence(code({ value: "113012", scheme: "DCM", meaning: "Key Object Description" })),
      "0040A160": single("UT", words.trim() === "" ? RESEARCH_USE : `${short(words, 1000)} (${RESEARCH_USE})`),
    },
    ...images.map(({ header, frame }) => ({
      "0040A010": single("CS", "CONTAINS"),
      "0040A040": single("CS", "IMAGE"),
      "00081199": sequence(reference(header, ofMany(header) ? frame : undefined)),
    })),
  ];
  const { meaning } = TITLES[title];
  return part10({
    ...common(first, { sopClass: KEY_OBJECT_SELECTION, modality: "KO", seriesNumber: SERIES_NUMBER, description: meaning }, maker),
    "00081111": sequence(),
    "0040A040": single("CS", "CONTAINER"),
    "0040A043": sequence(code(TITLES[title])),
    "0040A050": single("CS", "SEPARATE"),
    "0040A375": sequence({
      "00081115": sequence(
        ...[...bySeries].map(([series, held]) => ({
          "00081199": sequence(...held.values()),
          "0020000E": single("UI", series),
        })),
      ),
      "0020000D": single("UI", text(first, TAGS.studyInstanceUid)),
    }),
    "0040A504": sequence({ "00080105": single("CS", "DCMR"), "0040DB00": single("CS", "2010") }),
    "0040A730": sequence(...content),
  });
}

export interface Selection {
  sopInstanceUid: string;
  /** In the writer's words. */
  title: string;
  words: string;
  images: ImageReference[];
}

/** What a document selects. */
export function selection(header: DataSet): Selection {
  const content = items(header, "0040A730");
  const images = content
    .filter((item) => text(item, "0040A040") === "IMAGE")
    .flatMap((item) => items(item, "00081199"))
    .map((item) => ({ sopInstanceUid: text(item, "00081155"), frame: number(item, "00081160") ?? 1 }));
  const described = content.find((item) => text(item, "0040A040") === "TEXT");
  return {
    sopInstanceUid: text(header, TAGS.sopInstanceUid),
    title: text(items(header, "0040A043")[0] ?? {}, "00080104"),
    words: described ? text(described, "0040A160").replace(` (${RESEARCH_USE})`, "") : "",
    images,
  };
}
