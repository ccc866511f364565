import { useEffect, useState } from "react";

import { useWords } from "../language/language";
import type { ImageSeries } from "../viewer/series";
import { type Shown, StackPane } from "../viewer/stack-pane";
import { itemHeaders, type Outline } from "./api";
import { imageNumber, itemSeries } from "./images";
import { type Drawn, OutlineLayer } from "./outline-layer";
import type { Point } from "./outlines";

export const VIEWPORT = "annotate";

/** The frame that is shown. */
export interface FramePlace {
  image: number;
  frame: number;
  columns: number;
  rows: number;
}

export interface Layer {
  key: string;
  outlines: readonly Outline[];
  dashed: boolean;
  name: string;
  color: (structure: string) => string;
}

interface Props {
  project: string;
  item: number;
  label: string;
  layers: readonly Layer[];
  pen: string | undefined;
  onFrame: (place: FramePlace) => void;
  onDrawn: (points: Point[]) => void;
}

/** The images of an item, with what was outlined over them. */
export function ItemPane({ project, item, label, layers, pen, onFrame, onDrawn }: Props) {
  const words = useWords();
  const [found, setFound] = useState<{ item: number; series: ImageSeries }>();
  const [wrong, setWrong] = useState("");
  const [at, setAt] = useState(0);

  useEffect(() => {
    const ended = new AbortController();
    itemHeaders(project, item, ended.signal).then(
      (headers) => {
        setFound({ item, series: itemSeries(project, item, headers) });
        setWrong("");
      },
      (error: unknown) => {
        if (!ended.signal.aborted) setWrong(error instanceof Error ? error.message : words.unreachable);
      },
    );
    return () => ended.abort();
  }, [project, item, words]);

  const series = found?.item === item ? found.series : undefined;
  const frame = series?.frames[at];
  const size = series?.frames[at]?.header;

  function shown({ index }: Shown) {
    setAt(index);
    const header = series?.frames[index]?.header;
    if (!header) return;
    const value = (tag: string) => Number(header[tag]?.Value?.[0] ?? 0);
    const place = { image: imageNumber(header), frame: series.frames[index]?.frame ?? 1 };
    onFrame({ ...place, columns: value("00280011"), rows: value("00280010") });
  }

  const columns = Number(size?.["00280011"]?.Value?.[0] ?? 1);
  const drawn: Drawn[] = frame
    ? layers.flatMap((layer) =>
        layer.outlines
          .filter((one) => one.image === imageNumber(frame.header) && one.frame === frame.frame)
          .map((one) => ({
            key: `${layer.key} ${one.structure}`,
            color: layer.color(one.structure),
            contours: one.contours,
            runs: one.runs,
            dashed: layer.dashed,
            name: `${layer.name}: ${one.structure}`,
          })),
      )
    : [];
  return (
    <>
      {wrong !== "" && <p role="alert" className="over">{wrong}</p>}
      {series && (
        <StackPane
          key={item}
          id={VIEWPORT}
          series={series}
          label={label}
          start={undefined}
          active={false}
          onActivate={() => undefined}
          onShown={shown}
          over={() => (
            <OutlineLayer
              viewportId={VIEWPORT}
              drawn={drawn}
              pen={pen}
              columns={columns}
              label={words.annotate.outlinesShown(drawn.length)}
              onDrawn={onDrawn}
            />
          )}
        />
      )}
    </>
  );
}
