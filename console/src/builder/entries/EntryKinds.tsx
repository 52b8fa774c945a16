import { useRoving } from "@/components/roving";
import { texts } from "@/texts";
import classes from "./entries.module.css";
import { ENTRY_KINDS, type EntryKind } from "./entryKinds";

const words = texts.entries;

interface EntryKindsProps {
  label: string;
  onChoose: (kind: EntryKind) => void;
}

/** What can begin a run: each kind with what it does, and an example. */
export function EntryKinds({ label, onChoose }: EntryKindsProps) {
  const roving = useRoving<HTMLUListElement>();
  return (
    <ul {...roving} className={classes.kinds} aria-label={label}>
      {ENTRY_KINDS.map((kind) => (
        <li key={kind}>
          <button type="button" className={classes.kind} onClick={() => onChoose(kind)}>
            <span className={classes.name}>{words.kinds[kind]}</span>
            <span>{words.says[kind]}</span>
            <span className="quiet">{words.example(words.examples[kind])}</span>
          </button>
        </li>
      ))}
    </ul>
  );
}
