import { List, Text } from "@mantine/core";
import { DataTable } from "@/components/DataTable";
import { figure } from "@/components/figures";
import { texts } from "@/texts";
import type { PlayedTrial } from "./useTrial";

const words = texts.trial;

type Counts = NonNullable<PlayedTrial["summary"]>;

function ways(outcomes: Readonly<Record<string, number>>): string {
  return Object.entries(outcomes)
    .map(([outcome, count]) => `${outcome}: ${figure(count)}`)
    .join(", ");
}

/** What happened to a sample of contacts: how many take each way. */
export function TrialCounts({ counts }: { counts: Counts }) {
  const rest = { [words.refused]: counts.refused, [words.ends]: counts.ends };
  return (
    <>
      <Text>{words.entered(counts.entered, counts.contacts)}</Text>
      <DataTable
        label={words.lines}
        rows={counts.steps}
        rowKey={(step) => step.id}
        columns={[
          { key: "step", title: words.step, cell: (step) => step.id },
          {
            key: "reached",
            title: words.reached,
            number: true,
            cell: (step) => figure(step.reached),
          },
          { key: "ways", title: words.outcomes, cell: (step) => ways(step.outcomes) },
        ]}
      />
      <List size="sm">
        {Object.entries(rest)
          .filter(([, each]) => Object.keys(each).length > 0)
          .map(([name, each]) => (
            <List.Item key={name}>{`${name}: ${ways(each)}`}</List.Item>
          ))}
      </List>
    </>
  );
}
