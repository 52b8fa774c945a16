import { Text } from "@mantine/core";
import { useMemo } from "react";
import type { PlainKind } from "@/api/documents";
import { openText } from "@/builder/document/reading";
import { documentForms } from "@/builder/document/schema";
import { isValueMap, nodeValue } from "@/builder/document/values";
import { type Editing, EditingContext } from "@/builder/panel/editing";
import { MappingField } from "@/builder/panel/MappingField";
import { shapeOf } from "@/builder/panel/shapes";
import type { TextHistory } from "@/builder/textHistory";
import { texts } from "@/texts";

const words = texts.documents;

/** The shape of a document of a kind: its first key is that of the kind. */
function shapeOfKind(kind: PlainKind) {
  const form = documentForms.find(({ schema }) => schema.required?.[0] === kind);
  return form?.name == null ? null : shapeOf(form.name);
}

interface DocumentFieldsProps {
  kind: PlainKind;
  history: TextHistory;
  readOnly: boolean;
  /** Keys that have fields of their own elsewhere. */
  without?: readonly string[];
}

/** The fields of a document, by the language: each change is a small edit of the text. */
export function DocumentFields({ kind, history, readOnly, without = [] }: DocumentFieldsProps) {
  const { edit, text } = history;
  const editing: Editing = useMemo(
    () => ({
      set: (path, value) => {
        edit(
          value === undefined ? { edit: "unset", path } : { edit: "set", path, value },
          0,
          // What is typed letter by letter is undone as a whole.
          typeof value === "string" || typeof value === "number",
        );
      },
      add: (list, index, value) => {
        edit({ edit: "add-item", list, index, value }, 0);
      },
      change: (wanted, typing) => {
        edit(wanted, 0, typing);
      },
      entryEvents: [],
      steps: [],
      timezone: null,
      readOnly,
    }),
    [edit, readOnly],
  );
  const value = useMemo(() => {
    const [document] = openText(text).documents;
    const readable = document !== undefined && document.problems.length === 0;
    return readable ? nodeValue(document, document.tree.contents) : null;
  }, [text]);
  const shape = useMemo(() => shapeOfKind(kind), [kind]);
  if (shape?.kind !== "mapping" || !isValueMap(value)) {
    return <Text role="alert">{texts.builder.refusals.unreadable}</Text>;
  }
  return (
    <EditingContext.Provider value={editing}>
      <MappingField
        label={words.fields}
        shape={shape}
        path={[]}
        value={value}
        without={[kind, ...without]}
      />
    </EditingContext.Provider>
  );
}
