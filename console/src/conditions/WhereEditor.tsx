import { useState } from "react";
import type { Value, ValueMap } from "@/builder/document/values";
import { ConditionContext, type ConditionEditing, lineKey } from "./context";
import { LineField } from "./LineField";
import { whereOf } from "./lines";

interface WhereEditorProps {
  label: string;
  /** What is asked of the properties. */
  where: ValueMap;
  /** The event whose properties they are. */
  event: string;
  onChange: (where: Value | undefined, typing?: boolean) => void;
  readOnly: boolean;
  steps: readonly string[];
  entryEvents: readonly string[];
}

const LINE = lineKey([]);

/** What a trigger asks of the properties of its event, as a sentence. */
export function WhereEditor(props: WhereEditorProps) {
  const { label, where, event, onChange, readOnly, steps, entryEvents } = props;
  const [open, setOpen] = useState<string | null>("" in where ? LINE : null);
  const root: ValueMap = { where };
  const editing: ConditionEditing = {
    value: root,
    change: (next, typing) => onChange((next as ValueMap).where, typing),
    open: readOnly ? null : open,
    setOpen: (path) => setOpen(path === null ? null : LINE),
    steps,
    entryEvents,
    inJourney: true,
    readOnly,
  };
  const clauses = whereOf(root, event);
  return (
    <ConditionContext.Provider value={editing}>
      <section aria-label={label}>
        <LineField line={{ form: "line", kind: "message", clauses }} path={[]} />
      </section>
    </ConditionContext.Provider>
  );
}
