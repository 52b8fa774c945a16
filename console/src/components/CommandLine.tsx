import { Button, Code, CopyButton, Group } from "@mantine/core";
import { texts } from "@/texts";

/** A command that can be copied. */
export function CommandLine({ command }: { command: string }) {
  return (
    <Group gap="xs" wrap="nowrap">
      <Code>{command}</Code>
      <CopyButton value={command}>
        {({ copied, copy }) => (
          <Button
            variant="subtle"
            color="gray"
            size="compact-xs"
            onClick={copy}
            aria-label={texts.parts.copyOf(command)}
          >
            {copied ? texts.parts.copied : texts.parts.copy}
          </Button>
        )}
      </CopyButton>
    </Group>
  );
}
