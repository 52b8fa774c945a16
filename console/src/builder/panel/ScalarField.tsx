import { Autocomplete, Select, Switch, Textarea, TextInput } from "@mantine/core";
import { texts } from "@/texts";
import { type Path, useEditing } from "./editing";
import { LONG_TEXTS } from "./likely";
import { MissingName, NamedThing } from "./NamedThing";
import { NAMED_BY, useNames } from "./names";
import type { Shape } from "./shapes";

interface ScalarFieldProps {
  label: string;
  name: string;
  shape: Shape;
  path: Path;
  value: string | number | boolean;
}

/** The field of a single value: a text, a number, a choice, a truth, or the name of a thing. */
export function ScalarField({ label, name, shape, path, value: written }: ScalarFieldProps) {
  const { set, steps, readOnly } = useEditing();
  const kind = NAMED_BY[name];
  const names = useNames(kind, steps);
  const value = String(written);
  const shared = { label, disabled: readOnly };
  if (shape.kind === "truth") {
    return (
      <Switch
        {...shared}
        checked={written === true}
        onChange={(event) => set(path, event.currentTarget.checked)}
      />
    );
  }
  if (shape.kind === "choice") {
    return (
      <Select
        {...shared}
        data={shape.options.map((option) => ({
          value: option,
          label: texts.fields.choices[`${name}.${option}`] ?? option,
        }))}
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
      <>
        <Autocomplete
          {...shared}
          data={[...new Set(names)]}
          value={value}
          onChange={(text) => set(path, text)}
        />
        {names.includes(value) ? (
          <NamedThing kind={kind} name={value} />
        ) : (
          <MissingName kind={kind} name={value} />
        )}
      </>
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
      onChange={(event) => set(path, typed(event.currentTarget.value, written, shape))}
    />
  );
}

/** What was typed, as a number where a number is wanted or stood before. */
function typed(text: string, before: string | number | boolean, shape: Shape): string | number {
  const number = Number(text);
  const wanted = shape.kind === "number" || typeof before === "number";
  return wanted && text.trim() !== "" && String(number) === text ? number : text;
}
