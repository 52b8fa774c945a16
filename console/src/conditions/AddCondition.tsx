import { Button, Menu, Text } from "@mantine/core";
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
  return (
    <Menu position="bottom-start" withinPortal>
      <Menu.Target>
        <Button variant="subtle" size="compact-sm" w="fit-content">
          {label}
        </Button>
      </Menu.Target>
      <Menu.Dropdown mah={380} className="scrolls">
        {offered.map((kind) => (
          <Menu.Item key={kind} onClick={() => onAdd(BEGINNINGS[kind])}>
            {words.kinds[kind]}
            <Text size="xs" className="quiet">
              {words.kindHints[kind]}
            </Text>
          </Menu.Item>
        ))}
        <Menu.Divider />
        <Menu.Item onClick={() => onAdd(newGroup("any"))}>{words.addGroup}</Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}
