import { ActionIcon, Button, Group, Stack, Text, TextInput } from "@mantine/core";
import { type FormEvent, useState } from "react";
import type { ValueMap } from "@/builder/document/values";
import { texts } from "@/texts";
import { type Path, useEditing } from "./editing";
import classes from "./panel.module.css";
import type { Shape } from "./shapes";
import { startOf } from "./starting";
import { ValueField } from "./ValueField";

interface NamedFieldProps {
  label: string;
  shape: Shape & { kind: "named" };
  path: Path;
  value: ValueMap;
}

/** Values by names that the writer chooses, such as attributes to set. */
export function NamedField({ label, shape, path, value }: NamedFieldProps) {
  const { set, readOnly } = useEditing();
  const [name, setName] = useState("");
  function add(event: FormEvent) {
    event.preventDefault();
    const key = name.trim();
    if (key !== "" && !(key in value)) {
      set([...path, key], startOf(shape.value()));
      setName("");
    }
  }
  return (
    <div>
      <Text size="sm">{label}</Text>
      <Stack gap="sm" className={classes.list}>
        {Object.entries(value).map(([key, each]) => (
          <div key={key} className={classes.row}>
            <div className={classes.field}>
              <ValueField
                label={key}
                name="value"
                shape={shape.value()}
                path={[...path, key]}
                value={each}
              />
            </div>
            {!readOnly && (
              <div className={classes.acts}>
                <ActionIcon
                  variant="subtle"
                  color="gray"
                  size="sm"
                  aria-label={texts.fields.remove(key)}
                  onClick={() => set([...path, key], undefined)}
                >
                  ×
                </ActionIcon>
              </div>
            )}
          </div>
        ))}
        {!readOnly && (
          <form onSubmit={add}>
            <Group gap="xs">
              <TextInput
                aria-label={texts.fields.name}
                placeholder={texts.fields.name}
                value={name}
                onChange={(event) => setName(event.currentTarget.value)}
              />
              <Button type="submit" variant="default">
                {texts.fields.addItem(label)}
              </Button>
            </Group>
          </form>
        )}
      </Stack>
    </div>
  );
}
