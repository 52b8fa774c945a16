import { Stack, Textarea, TextInput, Title } from "@mantine/core";
import { useState } from "react";
import type { OutlineItem } from "@/builder/document/outline";
import { isValueMap } from "@/builder/document/values";
import { kindName } from "@/builder/graph/cardWords";
import { texts } from "@/texts";
import { useEditing } from "./editing";
import { labelOf, MappingField } from "./MappingField";
import { shapeOf, shapeOfSchema, variantOf } from "./shapes";
import { ValueField } from "./ValueField";

const words = texts.builder;

interface StepPanelProps {
  item: OutlineItem & { type: "step" };
  onRename: (id: string) => void;
  onNote: (text: string) => void;
}

/** The settings of a step: its name, its note, what it does, and when alone it does it. */
export function StepPanel({ item, onRename, onNote }: StepPanelProps) {
  const { readOnly } = useEditing();
  const { kind, value } = item;
  const shape = variantOf(shapeOf("Step"), value);
  if (kind === null || !isValueMap(value)) {
    return <pre>{item.source}</pre>;
  }
  return (
    <Stack gap="sm">
      <Title order={2}>{kindName(kind.kind)}</Title>
      <NameField id={item.id ?? ""} onRename={onRename} />
      <ValueField
        label={labelOf(kind.kind)}
        name={kind.kind}
        shape={shapeOfSchema(kind.content)}
        path={[...item.path, kind.kind]}
        value={value[kind.kind] ?? null}
      />
      {shape?.kind === "mapping" && (
        <MappingField
          label={kindName(kind.kind)}
          shape={shape}
          path={item.path}
          value={value}
          without={["id", kind.kind]}
        />
      )}
      <NoteField key={item.key} text={item.note?.text ?? ""} readOnly={readOnly} onNote={onNote} />
    </Stack>
  );
}

/** The name is set when the field is left: each of its letters would rename all references. */
function NameField({ id, onRename }: { id: string; onRename: (id: string) => void }) {
  const { readOnly } = useEditing();
  const [text, setText] = useState(id);
  const [before, setBefore] = useState(id);
  // The field stays the same one when the step gets its name: it would lose the focus.
  if (before !== id) {
    setBefore(id);
    setText(id);
  }
  const leave = () => text !== id && onRename(text);
  return (
    <TextInput
      label={words.id}
      value={text}
      disabled={readOnly}
      onChange={(event) => setText(event.currentTarget.value)}
      onBlur={leave}
      onKeyDown={(event) => event.key === "Enter" && leave()}
    />
  );
}

interface NoteFieldProps {
  text: string;
  readOnly: boolean;
  onNote: (text: string) => void;
}

function NoteField({ text, readOnly, onNote }: NoteFieldProps) {
  const [typed, setTyped] = useState(text);
  return (
    <Textarea
      label={words.note}
      description={words.noteHint}
      autosize
      minRows={1}
      maxRows={8}
      value={typed}
      disabled={readOnly}
      onChange={(event) => setTyped(event.currentTarget.value)}
      onBlur={() => typed !== text && onNote(typed)}
    />
  );
}
