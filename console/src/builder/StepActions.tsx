import { Button } from "@mantine/core";
import { Toolbar } from "@/components/Toolbar";
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
  if (offered.length === 0) {
    return null;
  }
  return (
    <Toolbar label={words.actions}>
      {offered.map((action) => (
        <Button key={action} variant="default" size="compact-xs" onClick={() => onAction(action)}>
          {words[action]}
        </Button>
      ))}
    </Toolbar>
  );
}
