import { List, Stack, Text } from "@mantine/core";
import { texts } from "@/texts";
import { ProblemNotice } from "./ProblemNotice";
import { refusedLines } from "./saidOfSteps";

const words = texts.publishing;

/** Why a text was refused: each of its problems by its step, or another error. */
export function RefusedText({ error }: { error: unknown }) {
  const lines = refusedLines(error);
  if (lines.length === 0) {
    return <ProblemNotice error={error} />;
  }
  return (
    <Stack gap="xs" role="alert">
      <Text>{words.cannot(lines.length)}</Text>
      <List size="sm">
        {lines.map((line) => (
          <List.Item key={line}>{line}</List.Item>
        ))}
      </List>
      <Text size="sm" className="quiet">
        {words.cannotHint}
      </Text>
    </Stack>
  );
}
