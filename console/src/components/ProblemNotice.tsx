import { Alert, Button, Group, Text } from "@mantine/core";
import { ApiProblem, wordsOf } from "@/api/problems";
import { texts } from "@/texts";
import { Marked } from "./Marked";

/** An error in the words of the server, where it happened. */
export function ProblemNotice({ error, retry }: { error: unknown; retry?: () => void }) {
  return (
    <Alert color="red" variant="light" role="alert">
      <Group justify="space-between" wrap="nowrap" align="start">
        <div>
          <Text>
            <Marked words={wordsOf(error)} />
          </Text>
          {error instanceof ApiProblem && (
            <Text size="xs" className="quiet">
              {error.code}
            </Text>
          )}
        </div>
        {retry !== undefined && (
          <Button variant="default" onClick={retry}>
            {texts.parts.retry}
          </Button>
        )}
      </Group>
    </Alert>
  );
}
