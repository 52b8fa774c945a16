import { ActionIcon, Code, CopyButton, Group } from "@mantine/core";
import { texts } from "@/texts";

/** A command that can be copied. */
export function CommandLine({ command }: { command: string }) {
  return (
    <Group gap="xs" wrap="nowrap">
      <Code>{command}</Code>
      <CopyButton value={command}>
        {({ copied, copy }) => (
          <ActionIcon
            variant="subtle"
            color="gray"
            onClick={copy}
            aria-label={copied ? texts.parts.copied : texts.parts.copy}
            title={copied ? texts.parts.copied : texts.parts.copy}
          >
            {copied ? "✓" : "⧉"}
          </ActionIcon>
        )}
      </CopyButton>
    </Group>
  );
}
