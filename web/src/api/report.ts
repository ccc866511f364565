/** A report as `wilhelm read` writes it (schemas/report.schema.json): the parts that the page shows. */

export type ReportState = "draft" | "preliminary" | "final" | "amended" | "addendum";

/** States after which a change needs a reason. */
export const SIGNED: readonly ReportState[] = ["final", "amended", "addendum"];

export const HEADINGS = [
  "indication",
  "technique",
  "comparison",
  "findings",
  "impression",
  "reference",
  "recommendation",
  "limitations",
  "addendum",
] as const;
export type Heading = (typeof HEADINGS)[number];

export type Author = { kind: "writer" } | { kind: "language_model"; model: string } | { kind: "person"; name: string };

export interface Sentence {
  id: string;
  text: string;
  bears: string[];
  findings: string[];
  author: Author;
  replaced?: string | null;
}

export interface Section {
  heading: Heading;
  sentences: Sentence[];
  struck: { text: string; replaces: string; reason: string; author: Author }[];
}

/** From 0 to 1. */
export interface ProbabilityInterval {
  estimate: number;
  low: number;
  high: number;
  level: number;
}

export interface Measurement {
  name: string;
  quantity: { value: number; unit: string; decimals: number };
  evidence: string;
}

export type Certainty = "absent" | "unlikely" | "indeterminate" | "probable" | "present";

export interface Finding {
  id: string;
  observation: { key: string; name: string };
  probability: ProbabilityInterval;
  certainty: Certainty;
  laterality?: "left" | "right" | "bilateral" | null;
  measurements: Measurement[];
  normal: boolean;
  evidence: string[];
}

/** What one source adds, in log odds. */
export interface Contribution {
  by: string;
  words: string;
  log_odds: number;
  line?: number | null;
  citation?: string | null;
}

/** A thing of the knowledge base, or a text. */
export interface Term {
  iri?: string | null;
  label: string;
}

/** A statement of the knowledge base: of no patient. */
export interface Statement {
  kind: "statement";
  subject: Term;
  predicate: Term;
  object: Term;
  graph: string;
  source: string;
  version?: string | null;
  license: string;
  citation?: string | null;
  figures?: { sensitivity: number; false_positive_rate: number; population?: string | null } | null;
  sentence?: string | null;
}

/** A passage of an indexed text: of no patient. */
export interface Passage {
  kind: "passage";
  id: string;
  title?: string | null;
  source: string;
  license?: string | null;
  quote: string;
  span: [number, number];
}

export type EvidenceSource =
  | { kind: "model"; model: string; version: string; weights_sha256: string }
  | { kind: "measurement"; method: string }
  | { kind: "header"; attributes: string[] }
  | { kind: "patient_text"; line: number }
  | { kind: "rule"; citation: string; version?: string | null; statement?: string | null }
  | Statement
  | Passage
  | { kind: "fusion"; observation: string; before: number; after: number; contributions: Contribution[] }
  | { kind: "person"; name: string; at: string };

export interface Evidence {
  id: string;
  source: EvidenceSource;
  summary: string;
}

export interface Signature {
  by: string;
  organization?: string | null;
  at: string;
  state: ReportState;
  reason?: string | null;
}

export interface Report {
  id: string;
  state: ReportState;
  title: string;
  disclaimer: string;
  exam: { modality?: string | null; body_part?: string | null };
  sections: Section[];
  findings: Finding[];
  evidence: Evidence[];
  abstentions: { model: string; reason: string }[];
  signatures?: Signature[];
}

/** Every sentence of a report with its heading, in order. */
export function sentences(report: Pick<Report, "sections">): { heading: Heading; sentence: Sentence }[] {
  return report.sections.flatMap(({ heading, sentences: all }) => all.map((sentence) => ({ heading, sentence })));
}

/** A name as DICOM writes names, `Doe^Jane`, as people read it. */
export function signerName(written: string): string {
  const [family, ...given] = written.split("^").filter((part) => part !== "");
  return family === undefined || given.length === 0 ? written : `${family}, ${given.join(" ")}`;
}
