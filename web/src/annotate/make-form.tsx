import { useState } from "react";

import { sentenceOf } from "../api/request";
import { useWords } from "../language/language";
import { makeProject, type Project } from "./api";

/** Names in a field: by commas or line breaks. */
export function names(text: string): string[] {
  return text
    .split(/[,\n]/)
    .map((name) => name.trim())
    .filter((name) => name !== "");
}

/** The key of a label or structure: its letters and digits, or its number where it has none of the Latin ones. */
export function keyOf(name: string, at: number): string {
  const key = name
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^-+|-+$/g, "")
    .slice(0, 40);
  return key === "" ? `label-${at + 1}` : key;
}

/** What the archive is asked for. */
interface Named {
  key: string;
  name: string;
  abnormal?: boolean;
}

const LEVELS = ["series", "instance", "study"] as const;
const MODALITIES = ["", "US", "CR", "DX", "MG", "CT", "MR", "PT", "XA", "NM", "OT"];

/** What makes a project: what is asked, of which images, and of whom. */
export function MakeForm({ onMade }: { onMade: (project: Project) => void }) {
  const words = useWords();
  const [kind, setKind] = useState<"one" | "any" | "outline">("one");
  const [wrong, setWrong] = useState("");
  const [busy, setBusy] = useState(false);

  async function make(form: FormData) {
    const field = (name: string) => {
      const value = form.get(name);
      return typeof value === "string" ? value.trim() : "";
    };
    const named: Named[] = names(field("labels")).map((name, at) => ({ key: keyOf(name, at), name }));
    const question =
      kind === "outline"
        ? { kind: "outline", structures: named.map((one) => ({ ...one, abnormal: field("abnormal") === "yes" })) }
        : { kind: "labels", labels: named, multiple: kind === "any" };
    const wanted = Number(field("wanted"));
    const search: Record<string, string> = Object.fromEntries<string>(
      (["modality", "date", "body_part", "description"] as const).map((key): [string, string] => [key, field(key)]).filter(([, value]) => value !== ""),
    );
    setWrong("");
    setBusy(true);
    try {
      onMade(
        await makeProject({
          title: field("title"),
          instructions: field("instructions"),
          question,
          annotators: names(field("annotators")),
          adjudicators: names(field("adjudicators")),
          ...(wanted > 0 ? { annotators_per_item: wanted } : {}),
          blinded: field("blinded") === "yes",
          order: field("order"),
          search: { level: field("level"), ...search },
        }),
      );
    } catch (refused) {
      setWrong(sentenceOf(refused, words.unreachable));
    } finally {
      setBusy(false);
    }
  }

  const text = words.annotate.form;
  return (
    <form
      className="make"
      aria-label={words.annotate.make}
      onSubmit={(event) => {
        event.preventDefault();
        void make(new FormData(event.currentTarget));
      }}
    >
      <label>
        {text.title}
        <input name="title" required maxLength={120} autoComplete="off" />
      </label>
      <label>
        {text.kind}
        <select value={kind} onChange={(event) => setKind(event.target.value as typeof kind)}>
          <option value="one">{text.one}</option>
          <option value="any">{text.any}</option>
          <option value="outline">{text.outline}</option>
        </select>
      </label>
      <label className="wide">
        {kind === "outline" ? text.structures : text.labels}
        <input name="labels" required autoComplete="off" />
      </label>
      <label className="wide">
        {text.instructions}
        <textarea name="instructions" rows={3} maxLength={4000} />
      </label>
      <label>
        {text.level}
        <select name="level">
          {LEVELS.map((level) => (
            <option key={level} value={level}>
              {text.levels[level]}
            </option>
          ))}
        </select>
      </label>
      <label>
        {text.modality}
        <select name="modality">
          {MODALITIES.map((modality) => (
            <option key={modality} value={modality}>
              {modality === "" ? text.anyModality : modality}
            </option>
          ))}
        </select>
      </label>
      <label>
        {text.date}
        <input name="date" placeholder="20260101-20261231" pattern="[0-9]{8}|[0-9]{8}-|-[0-9]{8}|[0-9]{8}-[0-9]{8}" autoComplete="off" />
      </label>
      <label>
        {text.bodyPart}
        <input name="body_part" autoComplete="off" />
      </label>
      <label>
        {text.description}
        <input name="description" placeholder="*T1*" autoComplete="off" />
      </label>
      <label>
        {text.annotators}
        <input name="annotators" autoComplete="off" />
      </label>
      <label>
        {text.wanted}
        <input name="wanted" type="number" min={1} max={50} placeholder={text.all} />
      </label>
      <label>
        {text.adjudicators}
        <input name="adjudicators" autoComplete="off" />
      </label>
      <label>
        {text.order}
        <select name="order">
          <option value="given">{words.annotate.orders.given}</option>
          <option value="random">{words.annotate.orders.random}</option>
        </select>
      </label>
      <label className="check">
        <input type="checkbox" name="blinded" value="yes" defaultChecked />
        {text.blinded}
      </label>
      {kind === "outline" && (
        <label className="check">
          <input type="checkbox" name="abnormal" value="yes" defaultChecked />
          {text.abnormal}
        </label>
      )}
      {wrong !== "" && (
        <p role="alert" className="wide">
          {wrong}
        </p>
      )}
      <div className="choices wide">
        <button type="submit" className="primary" disabled={busy}>
          {text.make}
        </button>
      </div>
    </form>
  );
}
