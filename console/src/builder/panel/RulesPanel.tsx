import { Button, Stack, Title } from "@mantine/core";
import { useState } from "react";
import type { Edit } from "@/builder/document/edits";
import type { Rule } from "@/builder/document/outline";
import type { Value } from "@/builder/document/values";
import { EntryField } from "@/builder/entries/EntryField";
import { EntryKinds } from "@/builder/entries/EntryKinds";
import { ENTRY_BEGINNINGS } from "@/builder/entries/entryKinds";
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
  function add(value: Value) {
    setChoosing(false);
    if (type === "goal" || (type === "entry" && rules.length === 0)) {
      onEdit({ edit: "set", path: [type], value });
    } else if (rules.length === 0) {
      onEdit({ edit: "set", path: [type], value: [value] });
    } else {
      onEdit({ edit: "add-item", list: [type], index: rules.length, value });
    }
  }
  return (
    <Stack gap="sm">
      <Title order={2}>{words[type]}</Title>
      {rules.map((rule) =>
        type === "entry" ? (
          <EntryField
            key={rule.key}
            path={rule.path}
            value={rule.value}
            {...(rules.length > 1
              ? { onRemove: () => onEdit({ edit: "unset", path: rule.path }) }
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
        <EntryKinds label={texts.entries.choose} onChoose={(kind) => add(ENTRY_BEGINNINGS[kind])} />
      )}
      {!readOnly && !full && !choosing && (
        <Button
          variant="default"
          size="compact-sm"
          w="fit-content"
          onClick={() => (type === "entry" ? setChoosing(true) : add(startOf(shape)))}
        >
          {ADD[type]}
        </Button>
      )}
    </Stack>
  );
}
