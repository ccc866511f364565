import { useState } from "react";

import { sentenceOf } from "../api/request";
import type { ImageReference } from "../dicom/content";
import { type Title, TITLES } from "../dicom/key-objects";
import { TAGS, text } from "../dicom/json";
import { useWords } from "../language/language";
import { type KeyImages, referenceOf } from "./use-key-images";

interface Props {
  keys: KeyImages;
  account: string;
  /** Marks the image that is shown, or takes its mark away. */
  onToggle: () => void;
  onShow: (image: ImageReference) => void;
  onSaved: () => void;
}

export function KeyImagesPanel({ keys, account, onToggle, onShow, onSaved }: Props) {
  const all = useWords();
  const words = all.images;
  const [title, setTitle] = useState<Title>("interest");
  const [described, setDescribed] = useState("");
  const [busy, setBusy] = useState(false);
  const [wrong, setWrong] = useState("");
  const [said, setSaid] = useState("");

  async function save() {
    setBusy(true);
    setWrong("");
    try {
      await keys.save(title, described, account);
      setDescribed("");
      setSaid(words.saved);
      onSaved();
    } catch (error) {
      setWrong(sentenceOf(error, all.unreachable));
    } finally {
      setBusy(false);
    }
  }

  return (
    <section aria-label={words.keyImages} data-testid="key-images">
      <h2>{words.keyImages}</h2>
      {keys.saved.map((one) => (
        <div key={one.sopInstanceUid}>
          <h3>{[one.title, one.words].filter((part) => part !== "").join(": ")}</h3>
          <ul className="lines">
            {one.images.map((image, at) => (
              <li key={`${image.sopInstanceUid} ${image.frame}`}>
                <button type="button" onClick={() => onShow(image)}>
                  ★ {words.keyImage(at + 1)}
                </button>
              </li>
            ))}
          </ul>
        </div>
      ))}
      <ul className="lines" data-testid="marked">
        {keys.marked.map((image, at) => (
          <li key={`${text(image.header, TAGS.sopInstanceUid)} ${image.frame}`}>
            <button type="button" onClick={() => onShow(referenceOf(image))}>
              ★ {words.keyImage(at + 1)}
            </button>
            <button type="button" aria-label={`${all.viewer.remove}: ${words.keyImage(at + 1)}`} onClick={() => keys.unmark(image)}>
              ×
            </button>
          </li>
        ))}
      </ul>
      <button type="button" onClick={onToggle}>
        {words.markThis}
      </button>
      {keys.marked.length > 0 && (
        <>
          <label>
            {words.why}
            <select value={title} onChange={(event) => setTitle(event.target.value as Title)}>
              {(Object.keys(TITLES) as Title[]).map((one) => (
                <option key={one} value={one}>
                  {words.titles[one]}
                </option>
              ))}
            </select>
          </label>
          <label>
            {words.describe}
            <input type="text" maxLength={200} value={described} onChange={(event) => setDescribed(event.target.value)} />
          </label>
          <button type="button" className="primary" disabled={busy} onClick={() => void save()}>
            {words.saveKeyImages}
          </button>
        </>
      )}
      {wrong !== "" && <p role="alert">{wrong}</p>}
      <p role="status" className="note">
        {said}
      </p>
    </section>
  );
}
