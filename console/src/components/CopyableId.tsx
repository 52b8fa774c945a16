import { ActionIcon, CopyButton, Group } from "@mantine/core";
import { texts } from "@/texts";

/** An id that can be copied. */
export function CopyableId({ id }: { id: string }) {
  return (
    <Group gap={4} wrap="nowrap">
      <code className="id">{id}</code>
      <CopyButton value={id}>
        {({ copied, copy }) => (
          <ActionIcon
            variant="subtle"
            color="gray"
            size="sm"
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
