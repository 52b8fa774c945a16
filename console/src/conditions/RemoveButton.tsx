import { ActionIcon } from "@mantine/core";
import { texts } from "@/texts";

/** Removes a condition of a group, or the only one. */
export function RemoveButton({ what, onRemove }: { what: string; onRemove: () => void }) {
  return (
    <ActionIcon
      variant="subtle"
      color="gray"
      aria-label={texts.conditions.remove(what)}
      onClick={onRemove}
    >
      ×
    </ActionIcon>
  );
}
