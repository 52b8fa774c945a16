import { Button, Stack, Title } from "@mantine/core";
import type { Edit } from "@/builder/document/edits";
import type { Rule } from "@/builder/document/outline";
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
  const isList = rules.some((rule) => rule.path.length > 1);
  const full = type === "goal" ? rules.length > 0 : rules.length > 0 && !isList;
  function add() {
    const value = startOf(shape);
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
      {rules.map((rule) => (
        <ValueField
          key={rule.key}
          label={words[type]}
          name={type}
          shape={shape}
          path={rule.path}
          value={rule.value}
        />
      ))}
      {!readOnly && !full && (
        <Button variant="default" size="compact-sm" w="fit-content" onClick={add}>
          {ADD[type]}
        </Button>
      )}
    </Stack>
  );
}
