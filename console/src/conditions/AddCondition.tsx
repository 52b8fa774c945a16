import { Button, Menu, Text } from "@mantine/core";
import { useRef } from "react";
import type { Value } from "@/builder/document/values";
import { texts } from "@/texts";
import { BEGINNINGS, newGroup } from "./changing";
import { useCondition } from "./context";
import { KINDS, type Kind } from "./parts";

const words = texts.conditions;

/** What only a run of a journey has. */
const OF_RUNS: ReadonlySet<Kind> = new Set(["message", "step", "entry"]);

interface AddConditionProps {
  label: string;
  onAdd: (value: Value) => void;
}

/** The kinds of conditions, each with an example. */
export function AddCondition({ label, onAdd }: AddConditionProps) {
  const { inJourney } = useCondition();
  const offered = KINDS.filter((kind) => inJourney || !OF_RUNS.has(kind));
  const button = useRef<HTMLButtonElement>(null);
  const chosen = useRef(false);
  const add = (value: Value) => {
    chosen.current = true;
    onAdd(value);
  };
  return (
    <Menu
      position="bottom-start"
      withinPortal
      // What was added takes the focus; it comes back only if nothing was.
      returnFocus={false}
      onOpen={() => {
        chosen.current = false;
      }}
      onClose={() => !chosen.current && button.current?.focus()}
    >
      <Menu.Target>
        <Button ref={button} variant="subtle" size="compact-sm" w="fit-content">
          {label}
        </Button>
      </Menu.Target>
      <Menu.Dropdown mah={380} className="scrolls">
        {offered.map((kind) => (
          <Menu.Item key={kind} onClick={() => add(BEGINNINGS[kind])}>
            {words.kinds[kind]}
            <Text size="xs" className="quiet">
              {words.kindHints[kind]}
            </Text>
          </Menu.Item>
        ))}
        <Menu.Divider />
        <Menu.Item onClick={() => add(newGroup("any"))}>{words.addGroup}</Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}
