import { Dialog } from "../dialog";
import { useWords } from "../language/language";
import { SHEET } from "./desk-keys";

export function DeskHelp({ onClose }: { onClose: () => void }) {
  const words = useWords();
  return (
    <Dialog title={words.desk.keys} onClose={onClose}>
      <div className="help">
        <dl>
          {SHEET.map(([key, what]) => (
            <div key={key}>
              <dt>
                <kbd>{key}</kbd>
              </dt>
              <dd>{words.desk.keysOf[what]}</dd>
            </div>
          ))}
        </dl>
      </div>
      <p className="note">{words.desk.keysOf.where}</p>
      <button type="button" className="primary" onClick={onClose}>
        {words.close}
      </button>
    </Dialog>
  );
}
