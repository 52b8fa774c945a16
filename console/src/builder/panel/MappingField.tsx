import { ActionIcon, Stack, Text } from "@mantine/core";
import { useRef } from "react";
import type { ValueMap } from "@/builder/document/values";
import { changeThenFocus } from "@/components/focusing";
import { Toolbar } from "@/components/Toolbar";
import { texts } from "@/texts";
import { type Path, useEditing } from "./editing";
import { LIKELY, REPLACED_BY, STARTS, STEPS_INSIDE } from "./likely";
import { MoreSettings } from "./MoreSettings";
import classes from "./panel.module.css";
import type { Field, Shape } from "./shapes";
import { startOf } from "./starting";
import { ValueField } from "./ValueField";

interface MappingFieldProps {
  label: string;
  shape: Shape & { kind: "mapping" };
  path: Path;
  value: ValueMap;
  /** Whether the label is seen: not where a title says the same. */
  titled?: boolean;
  /** Keys that are shown elsewhere. */
  without?: readonly string[];
}

/** What a key is called. */
export function labelOf(key: string): string {
  return texts.fields.labels[key] ?? key;
}

/** The keys of a mapping: those that it has, the next likely ones, and the rest under "more". */
export function MappingField({
  label,
  shape,
  path,
  value,
  titled = false,
  without = [],
}: MappingFieldProps) {
  const { set, readOnly } = useEditing();
  const hidden = new Set<string>([...without, ...STEPS_INSIDE]);
  const fields = shape.fields.filter((field) => !hidden.has(field.key));
  const known = new Map(fields.map((field) => [field.key, field]));
  const present = Object.keys(value).filter((key) => !hidden.has(key));
  const absent = fields.filter((field) => !(field.key in value));
  const likely = new Set(LIKELY[shape.name] ?? []);
  const next = absent.filter((field) => field.required || likely.has(field.key));
  const rest = absent.filter((field) => !next.includes(field));
  const frame = useRef<HTMLFieldSetElement>(null);
  const rows = useRef<HTMLDivElement>(null);
  const rowOf = (key: string | undefined) =>
    [...(rows.current?.children ?? [])].find((row) => row.getAttribute("data-key") === key);
  function add(field: Field) {
    const start = STARTS[field.key] ?? startOf(field.shape());
    const replaced = REPLACED_BY[field.key]?.filter((key) => value[key] === "") ?? [];
    const kept = Object.entries(value).filter(([key]) => !replaced.includes(key));
    // What was offered is gone once it is added: its field takes the focus.
    changeThenFocus(
      () =>
        replaced.length === 0
          ? set([...path, field.key], start)
          : set(path, { [field.key]: start, ...Object.fromEntries(kept) }),
      () => rowOf(field.key),
    );
  }
  function remove(key: string) {
    const place = present.indexOf(key);
    const neighbour = present[place + 1] ?? present[place - 1];
    changeThenFocus(
      () => set([...path, key], undefined),
      () => rowOf(neighbour),
      () => frame.current,
    );
  }
  return (
    <fieldset ref={frame} className={classes.mapping} aria-label={label}>
      {titled && <Text size="sm">{label}</Text>}
      <Stack ref={rows} gap="sm">
        {present.map((key) => {
          const field = known.get(key);
          return (
            <div key={key} data-key={key} className={classes.row}>
              <div className={classes.field}>
                <ValueField
                  label={labelOf(key)}
                  name={key}
                  shape={field?.shape() ?? { kind: "free" }}
                  path={[...path, key]}
                  value={value[key] ?? null}
                  required={field?.required ?? false}
                  around={value}
                />
              </div>
              {field?.required !== true && !readOnly && (
                <div className={classes.acts}>
                  <ActionIcon
                    variant="subtle"
                    color="gray"
                    size="sm"
                    aria-label={texts.fields.remove(labelOf(key))}
                    title={texts.fields.remove(labelOf(key))}
                    onClick={() => remove(key)}
                  >
                    ×
                  </ActionIcon>
                </div>
              )}
            </div>
          );
        })}
        {!readOnly && next.length > 0 && (
          <Toolbar label={texts.fields.offers}>
            {next.map((field) => (
              <button
                key={field.key}
                type="button"
                className={classes.offer}
                onClick={() => add(field)}
              >
                + {labelOf(field.key)}
              </button>
            ))}
          </Toolbar>
        )}
        {!readOnly && rest.length > 0 && <MoreSettings fields={rest} onAdd={add} />}
        {present.length === 0 && readOnly && <Text className="quiet">{texts.fields.notSet}</Text>}
      </Stack>
    </fieldset>
  );
}
