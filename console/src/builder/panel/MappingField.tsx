import { ActionIcon, Group, Stack, Text } from "@mantine/core";
import type { ValueMap } from "@/builder/document/values";
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
  function add(field: Field) {
    const start = STARTS[field.key] ?? startOf(field.shape());
    const replaced = REPLACED_BY[field.key]?.filter((key) => value[key] === "") ?? [];
    if (replaced.length === 0) {
      set([...path, field.key], start);
      return;
    }
    const kept = Object.entries(value).filter(([key]) => !replaced.includes(key));
    set(path, { [field.key]: start, ...Object.fromEntries(kept) });
  }
  return (
    <fieldset className={classes.mapping} aria-label={label}>
      {titled && <Text size="sm">{label}</Text>}
      <Stack gap="sm">
        {present.map((key) => {
          const field = known.get(key);
          return (
            <div key={key} className={classes.row}>
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
                    onClick={() => set([...path, key], undefined)}
                  >
                    ×
                  </ActionIcon>
                </div>
              )}
            </div>
          );
        })}
        {!readOnly && next.length > 0 && (
          <Group gap="xs">
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
          </Group>
        )}
        {!readOnly && rest.length > 0 && <MoreSettings fields={rest} onAdd={add} />}
        {present.length === 0 && readOnly && <Text className="quiet">{texts.fields.notSet}</Text>}
      </Stack>
    </fieldset>
  );
}
