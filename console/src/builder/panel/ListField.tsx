import { ActionIcon, Button, Stack, Text } from "@mantine/core";
import { useRef } from "react";
import type { Value } from "@/builder/document/values";
import { changeThenFocus } from "@/components/focusing";
import { texts } from "@/texts";
import { type Path, useEditing } from "./editing";
import classes from "./panel.module.css";
import type { Shape } from "./shapes";
import { startOf } from "./starting";
import { ValueField } from "./ValueField";

interface ListFieldProps {
  label: string;
  name: string;
  shape: Shape & { kind: "list" };
  path: Path;
  value: readonly Value[];
}

function swapped(list: readonly Value[], place: number): Value[] {
  const next = [...list];
  const [moved] = next.splice(place, 1);
  next.splice(place - 1, 0, moved ?? null);
  return next;
}

/** The items of a list, in their order. */
export function ListField({ label, name, shape, path, value }: ListFieldProps) {
  const { add, set, readOnly } = useEditing();
  const rows = useRef<HTMLDivElement>(null);
  const row = (place: number) => rows.current?.children[place];
  return (
    <div>
      <Text size="sm">{label}</Text>
      <Stack ref={rows} gap="sm" className={classes.list}>
        {value.map((item, place) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: items have no names of their own.
          <div key={place} className={classes.row}>
            <div className={classes.field}>
              <ValueField
                label={texts.fields.item(place + 1)}
                name={name}
                shape={shape.item()}
                path={[...path, place]}
                value={item}
              />
            </div>
            <div className={classes.acts}>
              {!readOnly && place > 0 && (
                <ActionIcon
                  variant="subtle"
                  color="gray"
                  size="sm"
                  aria-label={`${texts.fields.moveUp}: ${texts.fields.item(place + 1)}`}
                  onClick={() =>
                    changeThenFocus(
                      () => set(path, swapped(value, place)),
                      () => row(place - 1),
                    )
                  }
                >
                  ↑
                </ActionIcon>
              )}
              {!readOnly && value.length > shape.least && (
                <ActionIcon
                  variant="subtle"
                  color="gray"
                  size="sm"
                  aria-label={texts.fields.remove(texts.fields.item(place + 1))}
                  onClick={() =>
                    // The next one stands in its place then; after the last one, there is one before.
                    changeThenFocus(
                      () => set([...path, place], undefined),
                      () => row(place < value.length - 1 ? place : Math.max(place - 1, 0)),
                    )
                  }
                >
                  ×
                </ActionIcon>
              )}
            </div>
          </div>
        ))}
        {!readOnly && (
          <Button
            variant="subtle"
            size="compact-sm"
            w="fit-content"
            onClick={() =>
              changeThenFocus(
                () => add(path, value.length, startOf(shape.item())),
                () => row(value.length),
              )
            }
          >
            {texts.fields.addItem(label)}
          </Button>
        )}
      </Stack>
    </div>
  );
}
