import { Button, Group, Text } from "@mantine/core";
import { useState } from "react";
import type { Job } from "@/api/jobs";
import { texts } from "@/texts";
import classes from "./RepairBar.module.css";
import { RepairDialog } from "./RepairDialog";
import { ACTIONS, type Chosen, type RepairAction } from "./repairs";
import type { Ticks } from "./ticks";

const words = texts.runs;

interface RepairBarProps {
  ticks: Ticks;
  /** The runs that the filters mean; null if a repair cannot name them. */
  all: Chosen | null;
  journey: string;
  onBegun: (job: Job) => void;
}

/** What can be done with the ticked runs; it stands there from the first tick on. */
export function RepairBar({ ticks, all, journey, onBegun }: RepairBarProps) {
  const [matching, setMatching] = useState(false);
  const [action, setAction] = useState<RepairAction | null>(null);
  if (ticks.ids.length === 0) {
    return null;
  }
  const means = matching && all !== null;
  const chosen: Chosen = means ? all : { runs: [...ticks.ids] };
  return (
    <section className={classes.bar} aria-label={words.bar}>
      <Group gap="sm">
        <Text role="status" fw={600}>
          {means ? words.allTicked : words.ticked(ticks.ids.length)}
        </Text>
        {all !== null && (
          <Button variant="subtle" onClick={() => setMatching(!means)} aria-pressed={means}>
            {means ? words.onlyTicked : words.allMatching}
          </Button>
        )}
        <Group gap="xs">
          {ACTIONS.map((each) => (
            <Button key={each} variant="default" onClick={() => setAction(each)}>
              {words.actions[each]}
            </Button>
          ))}
        </Group>
        <Button variant="subtle" color="gray" onClick={() => ticks.set([])}>
          {words.untick}
        </Button>
      </Group>
      {all === null && (
        <Text size="sm" className="quiet">
          {words.allNeeds}
        </Text>
      )}
      {action !== null && (
        <RepairDialog
          action={action}
          chosen={chosen}
          journey={journey}
          onBegun={(job) => {
            setAction(null);
            setMatching(false);
            onBegun(job);
          }}
          onClose={() => setAction(null)}
        />
      )}
    </section>
  );
}
