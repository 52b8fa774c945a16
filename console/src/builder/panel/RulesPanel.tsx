import { Button, Stack, Title } from "@mantine/core";
import { useRef, useState } from "react";
import type { Edit } from "@/builder/document/edits";
import type { Rule } from "@/builder/document/outline";
import type { Value } from "@/builder/document/values";
import { EntryField } from "@/builder/entries/EntryField";
import { EntryKinds } from "@/builder/entries/EntryKinds";
import { ENTRY_BEGINNINGS } from "@/builder/entries/entryKinds";
import { changeThenFocus, changeThenFocusNew } from "@/components/focusing";
import { texts } from "@/texts";
import { useEditing } from "./editing";
import { ruleShape } from "./RulePanel";
import { startOf } from "./starting";
import { ValueField } from "./ValueField";

const words = texts.builder;
const ADD = { entry: words.addEntry, goal: words.addGoal, exit: words.addExit } as const;

interface RulesPanelProps {
  type: Rule["type"];
  rules: readonly Rule[];
  onEdit: (edit: Edit) => void;
}

/** All entries, all exits, or the goal of a journey, with a button for one more. */
export function RulesPanel({ type, rules, onEdit }: RulesPanelProps) {
  const { readOnly } = useEditing();
  const shape = ruleShape(type);
  const [choosing, setChoosing] = useState(false);
  const full = type === "goal" && rules.length > 0;
  const frame = useRef<HTMLDivElement>(null);
  function add(value: Value): Edit {
    if (type === "goal" || (type === "entry" && rules.length === 0)) {
      return { edit: "set", path: [type], value };
    }
    return rules.length === 0
      ? { edit: "set", path: [type], value: [value] }
      : { edit: "add-item", list: [type], index: rules.length, value };
  }
  function make(value: Value) {
    changeThenFocusNew(frame.current, () => {
      setChoosing(false);
      onEdit(add(value));
    });
  }
  return (
    <Stack ref={frame} gap="sm">
      <Title order={2}>{words[type]}</Title>
      {rules.map((rule) =>
        type === "entry" ? (
          <EntryField
            key={rule.key}
            path={rule.path}
            value={rule.value}
            {...(rules.length > 1
              ? {
                  onRemove: () =>
                    changeThenFocus(
                      () => onEdit({ edit: "unset", path: rule.path }),
                      () => frame.current,
                    ),
                }
              : {})}
          />
        ) : (
          <ValueField
            key={rule.key}
            label={words[type]}
            name={type}
            shape={shape}
            path={rule.path}
            value={rule.value}
          />
        ),
      )}
      {choosing && (
        <EntryKinds
          label={texts.entries.choose}
          onChoose={(kind) => make(ENTRY_BEGINNINGS[kind])}
        />
      )}
      {!readOnly && !full && !choosing && (
        <Button
          variant="default"
          size="compact-sm"
          w="fit-content"
          onClick={() =>
            type === "entry"
              ? changeThenFocusNew(frame.current, () => setChoosing(true))
              : make(startOf(shape))
          }
        >
          {ADD[type]}
        </Button>
      )}
    </Stack>
  );
}
