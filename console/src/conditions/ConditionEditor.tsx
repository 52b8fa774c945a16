import { Group, Stack } from "@mantine/core";
import { useMemo, useRef, useState } from "react";
import type { Path } from "@/builder/document/reading";
import type { Value } from "@/builder/document/values";
import { changeThenFocus } from "@/components/focusing";
import { texts } from "@/texts";
import { AddCondition } from "./AddCondition";
import { joined, lastMember } from "./changing";
import { at } from "./comparing";
import { ConditionContext, type ConditionEditing, lineKey } from "./context";
import { Matches } from "./Matches";
import { firstLine } from "./opening";
import { SentenceField } from "./SentenceField";
import { sentenceOf } from "./sentences";

interface ConditionEditorProps {
  label: string;
  /** Undefined: nothing is asked. */
  value: Value | undefined;
  /** Takes the condition after a change; undefined if it was removed. */
  onChange: (value: Value | undefined, typing?: boolean) => void;
  /** Whether there has to be a condition. */
  required?: boolean;
  readOnly?: boolean;
  /** What a condition inside of a journey may ask: its steps, and the events that begin it. */
  journey?: { readonly steps: readonly string[]; readonly entryEvents: readonly string[] };
  /** Whether it says how many contacts match. */
  counted?: boolean;
}

const NONE: readonly string[] = [];

/** A condition as a sentence whose parts are chosen, with how many contacts match now. */
export function ConditionEditor({
  label,
  value,
  onChange,
  required = false,
  readOnly = false,
  journey,
  counted = true,
}: ConditionEditorProps) {
  const [open, setOpen] = useState<string | null>(null);
  const frame = useRef<HTMLDivElement>(null);
  const sentence = useMemo(() => (value === undefined ? null : sentenceOf(value)), [value]);
  const editing: ConditionEditing = {
    value: value ?? null,
    change: onChange,
    open: readOnly ? null : open,
    setOpen: (path) => setOpen(path === null ? null : lineKey(path)),
    steps: journey?.steps ?? NONE,
    entryEvents: journey?.entryEvents ?? NONE,
    inJourney: journey !== undefined,
    readOnly,
  };
  function add(member: Value) {
    const next = value === undefined ? member : joined(value, member);
    const place: Path = value === undefined ? [] : (lastMember(next) ?? []);
    onChange(next);
    editing.setOpen(firstLine(at(next, place) ?? null, place));
  }
  /** One that has to be there cannot be removed first: another one takes its place. */
  function replace(member: Value) {
    onChange(member);
    editing.setOpen(firstLine(member, []));
  }
  return (
    <ConditionContext.Provider value={editing}>
      <Stack ref={frame} gap="xs" component="section" aria-label={label}>
        {sentence !== null && (
          <SentenceField
            sentence={sentence}
            path={[]}
            {...(required
              ? {}
              : {
                  onRemove: () =>
                    changeThenFocus(
                      () => onChange(undefined),
                      () => frame.current,
                    ),
                })}
          />
        )}
        {!readOnly && sentence?.form !== "group" && (
          <Group gap="xs">
            <AddCondition
              label={sentence === null ? texts.conditions.addFirst : texts.conditions.add}
              onAdd={add}
            />
            {required && sentence !== null && (
              <AddCondition label={texts.conditions.instead} onAdd={replace} />
            )}
          </Group>
        )}
        {counted && value !== undefined && sentence !== null && (
          <Matches value={value} sentence={sentence} />
        )}
      </Stack>
    </ConditionContext.Provider>
  );
}
