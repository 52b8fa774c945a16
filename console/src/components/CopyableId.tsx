import { Button, CopyButton, Group } from "@mantine/core";
import { texts } from "@/texts";

/** An id that can be copied. */
export function CopyableId({ id }: { id: string }) {
  return (
    <Group gap={4} wrap="nowrap">
      <code className="id">{id}</code>
      <CopyButton value={id}>
        {({ copied, copy }) => (
          <Button
            variant="subtle"
            color="gray"
            size="compact-xs"
            onClick={copy}
            aria-label={texts.parts.copyOf(id)}
          >
            {copied ? texts.parts.copied : texts.parts.copy}
          </Button>
        )}
      </CopyButton>
    </Group>
  );
}
