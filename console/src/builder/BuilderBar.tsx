import { Button, Group, Text } from "@mantine/core";
import type { ReactNode } from "react";
import { Toolbar } from "@/components/Toolbar";
import { texts } from "@/texts";
import classes from "./builder.module.css";
import type { TextHistory } from "./textHistory";

const words = texts.builder;

interface BuilderBarProps {
  history: TextHistory;
  readOnly: boolean;
  onPaste: () => void;
  onKeys: () => void;
  children: ReactNode;
}

/** Above the graph: the way back and forth, paste, the search, and why an edit was not made. */
export function BuilderBar({ history, readOnly, onPaste, onKeys, children }: BuilderBarProps) {
  const { canRedo, canUndo, redo, refusal, undo } = history;
  return (
    <Group className={classes.bar} gap="xs">
      {!readOnly && (
        <Toolbar label={words.bar}>
          <Button variant="default" disabled={!canUndo} onClick={undo}>
            {words.undo}
          </Button>
          <Button variant="default" disabled={!canRedo} onClick={redo}>
            {words.redo}
          </Button>
          <Button variant="default" onClick={onPaste}>
            {words.paste}
          </Button>
        </Toolbar>
      )}
      {children}
      <Button variant="subtle" color="gray" aria-keyshortcuts="?" onClick={onKeys}>
        {words.keys.title} ?
      </Button>
      {refusal !== null && (
        <Text size="sm" role="alert">
          {words.refusals[refusal.reason]}
        </Text>
      )}
    </Group>
  );
}
