import { Button, Group } from "@mantine/core";
import { texts } from "@/texts";

const words = texts.builder;

/** What can be done with what is chosen. */
export type ActionName =
  | "copy"
  | "duplicate"
  | "delete"
  | "disable"
  | "enable"
  | "wrapBranch"
  | "wrapSplit"
  | "unwrap"
  | "addCase"
  | "addArm"
  | "editWay"
  | "wayLeft"
  | "wayRight"
  | "removeWay";

interface StepActionsProps {
  offered: readonly ActionName[];
  onAction: (action: ActionName) => void;
}

/** The actions on what is chosen, as buttons. */
export function StepActions({ offered, onAction }: StepActionsProps) {
  return (
    <Group gap="xs">
      {offered.map((action) => (
        <Button key={action} variant="default" size="compact-xs" onClick={() => onAction(action)}>
          {words[action]}
        </Button>
      ))}
    </Group>
  );
}
