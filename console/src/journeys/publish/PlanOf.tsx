import { Stack, Text, Title } from "@mantine/core";
import { saidOfStep } from "@/components/saidOfSteps";
import { texts } from "@/texts";
import { Lines } from "./Lines";
import type { Planned } from "./plan";

const words = texts.publishing;

/** What publishing one document would change. */
export function PlanOf({ document }: { document: Planned }) {
  const { backfills = [], lacking = [] } = document;
  if (document.change === "unchanged") {
    return null;
  }
  return (
    <Stack gap="xs" mb="sm">
      <Text>{words.becomes(document.version)}</Text>
      <Title order={3}>{words.changes}</Title>
      <Lines
        lines={
          document.change === "created"
            ? [words.created]
            : document.changes.map((change) => change.sentence)
        }
      />
      <Lines lines={backfills.map((each) => words.enters(each.enter, each.of))} />
      {document.warnings.length + lacking.length > 0 && (
        <>
          <Title order={3}>{words.warnings}</Title>
          <Lines
            lines={[
              ...document.warnings.map(saidOfStep),
              ...lacking.map((each) => words.lacking(each.attribute, each.contacts, each.of)),
            ]}
          />
        </>
      )}
    </Stack>
  );
}
