import { Autocomplete, Select, Switch, Textarea, TextInput } from "@mantine/core";
import { texts } from "@/texts";
import { type Path, useEditing } from "./editing";
import { LONG_TEXTS } from "./likely";
import { NAMED_BY, useNames } from "./names";
import type { Shape } from "./shapes";

interface ScalarFieldProps {
  label: string;
  name: string;
  shape: Shape;
  path: Path;
  value: string;
}

/** The field of a single value: a text, a number, a choice, a truth, or the name of a thing. */
export function ScalarField({ label, name, shape, path, value }: ScalarFieldProps) {
  const { set, steps, readOnly } = useEditing();
  const kind = NAMED_BY[name];
  const names = useNames(kind, steps);
  const shared = { label, disabled: readOnly };
  if (shape.kind === "truth") {
    return (
      <Switch
        {...shared}
        checked={/^(true|yes|on)$/i.test(value)}
        onChange={(event) => set(path, String(event.currentTarget.checked))}
      />
    );
  }
  if (shape.kind === "choice") {
    return (
      <Select
        {...shared}
        data={[...shape.options]}
        value={value}
        allowDeselect={false}
        onChange={(chosen) => chosen !== null && set(path, chosen)}
      />
    );
  }
  if (shape.kind === "constant") {
    return <TextInput {...shared} value={value} readOnly />;
  }
  if (kind !== undefined) {
    return (
      <Autocomplete
        {...shared}
        data={[...new Set(names)]}
        value={value}
        onChange={(text) => set(path, text)}
      />
    );
  }
  if (LONG_TEXTS.has(name) || value.includes("\n")) {
    return (
      <Textarea
        {...shared}
        autosize
        minRows={3}
        maxRows={20}
        value={value}
        onChange={(event) => set(path, event.currentTarget.value)}
      />
    );
  }
  return (
    <TextInput
      {...shared}
      {...(shape.kind === "number" ? { inputMode: shape.whole ? "numeric" : "decimal" } : {})}
      value={value}
      placeholder={texts.fields.notSet}
      onChange={(event) => set(path, event.currentTarget.value)}
    />
  );
}
