import { useEffect, useState } from "react";

import { sentenceOf } from "../api/request";
import { useWords } from "../language/language";
import { routeAddress } from "../route";
import { percent } from "../worklist/triage";
import { type Agreement, type LabelTable, type OutlineTable, type Project, readAgreement, readProject, trainingSetAddress } from "./api";
import { Confusion } from "./confusion";

/** How far the annotators of a project agree, and where they do not. */
export function AgreementPage({ project: id }: { project: string }) {
  const words = useWords();
  const [project, setProject] = useState<Project>();
  const [agreement, setAgreement] = useState<Agreement>();
  const [wrong, setWrong] = useState("");
  useEffect(() => {
    const ended = new AbortController();
    const fail = (error: unknown) => {
      if (!ended.signal.aborted) setWrong(sentenceOf(error, words.unreachable));
    };
    readProject(id, ended.signal).then(setProject, fail);
    readAgreement(id, ended.signal).then(setAgreement, fail);
    return () => ended.abort();
  }, [id, words]);

  return (
    <main className="worklist">
      <p>
        <a href={routeAddress({ at: "annotations" })}>← {words.annotate.back}</a>
      </p>
      <h1>{words.annotate.agreementOf(project?.title ?? "")}</h1>
      {wrong !== "" && <p role="alert">{wrong}</p>}
      {project && (
        <div className="choices">
          {project.own.adjudicates && (
            <a className="button" href={routeAddress({ at: "annotation", project: id, view: "decide" })}>
              {words.annotate.decide}
            </a>
          )}
          {project.own.manages && (
            <a className="button" href={trainingSetAddress(id)} download>
              {words.annotate.trainingSet}
            </a>
          )}
        </div>
      )}
      {agreement?.kind === "labels" && agreement.agreement.tables.map((table, at) => <Labels key={at} table={table} project={project} />)}
      {agreement?.kind === "outline" && <Outlines tables={agreement.agreement.tables} project={project} />}
      {agreement && <Items agreement={agreement} project={project} />}
      <p className="note">{words.annotate.kappaWhy}</p>
    </main>
  );
}

function Labels({ table, project }: { table: LabelTable; project: Project | undefined }) {
  const words = useWords();
  const names = project?.question.kind === "labels" ? project.question.labels : [];
  const named = (key: string) => names.find((one) => one.key === key)?.name ?? key;
  const shown = table.label === null ? table.classes.map(named) : [words.annotate.absent, words.annotate.present];
  return (
    <section>
      {table.label !== null && <h2>{named(table.label)}</h2>}
      {table.pairs.length === 0 && <p>{words.annotate.noPairs}</p>}
      <div className="pairs">
        {table.pairs.map((pair) => (
          <figure key={pair.annotators.join(" ")} data-testid="pair">
            <Confusion counts={pair.counts} classes={shown} annotators={pair.annotators} />
            <figcaption>
              <strong>{pair.annotators.join(", ")}</strong>
              <br />
              {words.annotate.agreed(percent(pair.agreed[0]), percent(pair.agreed[1]), percent(pair.agreed[2]), pair.items)}
              <br />
              {pair.kappa
                ? words.annotate.cohen(pair.kappa.kappa.toFixed(2), pair.kappa.low.toFixed(2), pair.kappa.high.toFixed(2))
                : words.annotate.noKappa(pair.kappa_missing ?? "")}
            </figcaption>
          </figure>
        ))}
      </div>
      {table.fleiss_raters > 2 && (
        <p data-testid="fleiss">
          {table.fleiss
            ? words.annotate.fleiss(
                table.fleiss.kappa.toFixed(2),
                table.fleiss.low.toFixed(2),
                table.fleiss.high.toFixed(2),
                table.fleiss_raters,
                table.fleiss_items,
              )
            : words.annotate.noKappa(table.fleiss_missing ?? "")}
        </p>
      )}
    </section>
  );
}

function Outlines({ tables, project }: { tables: OutlineTable[]; project: Project | undefined }) {
  const words = useWords();
  const structures = project?.question.kind === "outline" ? project.question.structures : [];
  const named = (key: string) => structures.find((one) => one.key === key)?.name ?? key;
  if (tables.length === 0) return <p>{words.annotate.noPairs}</p>;
  const interval = (ends: [number, number] | null) => (ends ? ` (${ends[0].toFixed(3)}, ${ends[1].toFixed(3)})` : "");
  return (
    <div className="scrolls">
      <table className="still" data-testid="overlap">
        <thead className="plain">
          <tr>
            {(["structure", "people", "items", "bothOutlined", "oneOutlined", "noneOutlined", "dice", "distance"] as const).map((column) => (
              <th key={column} scope="col">
                {words.annotate.columns[column]}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {tables.map((table) => (
            <tr key={`${table.structure} ${table.annotators.join(" ")}`}>
              <th scope="row">{named(table.structure)}</th>
              <td>{table.annotators.join(", ")}</td>
              <td className="number">{table.items}</td>
              <td className="number">{table.outlined[0]}</td>
              <td className="number">{table.outlined[1] + table.outlined[2]}</td>
              <td className="number">{table.outlined[3]}</td>
              <td>{table.dice ? `${table.dice.mean.toFixed(3)}${interval(table.dice.interval)}` : "-"}</td>
              <td>
                {table.hausdorff_95_mm !== null && `${table.hausdorff_95_mm.toFixed(1)} mm `}
                {table.hausdorff_95_pixels !== null && words.annotate.pixelsOf(table.hausdorff_95_pixels.toFixed(1))}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** Most items that are listed at once. */
const LISTED = 200;

function Items({ agreement, project }: { agreement: Agreement; project: Project | undefined }) {
  const words = useWords();
  const items =
    agreement.kind === "labels"
      ? agreement.agreement.items.map(({ item, answers, share }) => ({ item, answers, share }))
      : agreement.agreement.items.map(({ item, answers, least_dice }) => ({ item, answers, share: least_dice }));
  const apart = items.filter(({ share }) => share < 1);
  const decided = (item: number) => (agreement.decided.includes(item) ? ` · ${words.annotate.decided}` : "");
  return (
    <section>
      <h2>{words.annotate.apart(apart.length, items.length)}</h2>
      <Listed
        id="apart"
        project={project}
        lines={apart.map(({ item, share }) => ({ item, words: ` ${words.annotate.agreeing(share, agreement.kind)}${decided(item)}` }))}
      />
      {agreement.skipped.length > 0 && (
        <>
          <h2>{words.annotate.partlySkipped(agreement.skipped.length)}</h2>
          <Listed id="skipped" project={project} lines={agreement.skipped.map((item) => ({ item, words: decided(item) }))} />
        </>
      )}
    </section>
  );
}

interface ListedProps {
  id: string;
  project: Project | undefined;
  lines: { item: number; words: string }[];
}

/** Items, each a way to its decision for who may decide. */
function Listed({ id, project, lines }: ListedProps) {
  const words = useWords();
  return (
    <>
      <ul className="apart" data-testid={id}>
        {lines.slice(0, LISTED).map((line) => (
          <li key={line.item}>
            {project?.own.adjudicates ? (
              <a href={routeAddress({ at: "annotation", project: project.id, view: "decide", item: line.item })}>{words.annotate.item(line.item)}</a>
            ) : (
              words.annotate.item(line.item)
            )}
            {line.words}
          </li>
        ))}
      </ul>
      {lines.length > LISTED && <p className="note">{words.annotate.more(lines.length - LISTED)}</p>}
    </>
  );
}
