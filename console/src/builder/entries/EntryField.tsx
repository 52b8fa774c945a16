import { Button, Group, Stack, Text } from "@mantine/core";
import { useRef, useState } from "react";
import { definition } from "@/builder/document/schema";
import { isValueMap, type Value } from "@/builder/document/values";
import { type Path, useEditing } from "@/builder/panel/editing";
import { MappingField } from "@/builder/panel/MappingField";
import { shapeOfSchema, variantOf } from "@/builder/panel/shapes";
import { changeThenFocusNew } from "@/components/focusing";
import { texts } from "@/texts";
import { EntryKinds } from "./EntryKinds";
import classes from "./entries.module.css";
import { asKind, type EntryKind, kindOfEntry } from "./entryKinds";

const words = texts.entries;

/** The definitions of the kinds in the schema. */
const DEFINITIONS: Readonly<Record<EntryKind, string>> = {
  event: "EventEntry",
  form: "EventEntry",
  segment: "SegmentEntry",
  group: "GroupEntry",
  attribute: "AttributeEntry",
  date: "DateEntry",
  schedule: "ScheduleEntry",
  near: "NearEntry",
  api: "ApiEntry",
};

interface EntryFieldProps {
  path: Path;
  value: Value;
  onRemove?: () => void;
}

/** One entry: what begins a run in words, and the fields that this kind has. */
export function EntryField({ path, value, onRemove }: EntryFieldProps) {
  const { change, readOnly } = useEditing();
  const [choosing, setChoosing] = useState(false);
  const frame = useRef<HTMLFieldSetElement>(null);
  const kind = kindOfEntry(value);
  if (kind === null || !isValueMap(value)) {
    return <pre>{JSON.stringify(value, null, 2)}</pre>;
  }
  const shape = variantOf(shapeOfSchema(definition(DEFINITIONS[kind])), value);
  const title = words.kinds[kind];
  return (
    <fieldset ref={frame} className={classes.entry} aria-label={title}>
      <Stack gap="sm">
        <div>
          <Text fw={600}>{title}</Text>
          <Text size="xs" className="quiet">
            {words.says[kind]}
          </Text>
        </div>
        {choosing ? (
          <EntryKinds
            label={words.choose}
            onChoose={(next) =>
              changeThenFocusNew(frame.current, () => {
                setChoosing(false);
                if (next !== kind) {
                  change({ edit: "set", path, value: asKind(value, next) });
                }
              })
            }
          />
        ) : (
          shape?.kind === "mapping" && (
            <MappingField
              label={title}
              shape={{ ...shape, name: DEFINITIONS[kind] }}
              path={path}
              value={value}
              without={kind === "api" ? ["api"] : []}
            />
          )
        )}
        {!readOnly && (
          <Group gap="xs">
            <Button
              variant="subtle"
              size="compact-sm"
              onClick={() => setChoosing((before) => !before)}
            >
              {choosing ? words.keep : words.another}
            </Button>
            {onRemove !== undefined && (
              <Button variant="subtle" color="gray" size="compact-sm" onClick={onRemove}>
                {texts.fields.remove(title)}
              </Button>
            )}
          </Group>
        )}
      </Stack>
    </fieldset>
  );
}
