import { Autocomplete, Button, Group, Text } from "@mantine/core";
import { useState } from "react";
import { texts } from "@/texts";
import classes from "./builder.module.css";
import type { TextHistory } from "./textHistory";

const words = texts.builder;

interface BuilderBarProps {
  history: TextHistory;
  steps: readonly string[];
  readOnly: boolean;
  onPaste: () => void;
  onFind: (step: string) => void;
}

/** Above the graph: the way back and forth, paste, the search, and why an edit was not made. */
export function BuilderBar({ history, steps, readOnly, onPaste, onFind }: BuilderBarProps) {
  const [find, setFind] = useState("");
  const { canRedo, canUndo, redo, refusal, undo } = history;
  return (
    <Group className={classes.bar} gap="xs">
      {!readOnly && (
        <>
          <Button variant="default" disabled={!canUndo} onClick={undo}>
            {words.undo}
          </Button>
          <Button variant="default" disabled={!canRedo} onClick={redo}>
            {words.redo}
          </Button>
          <Button variant="default" onClick={onPaste}>
            {words.paste}
          </Button>
        </>
      )}
      <Autocomplete
        size="xs"
        aria-label={words.find}
        placeholder={words.find}
        data={[...new Set(steps)]}
        value={find}
        onChange={setFind}
        onOptionSubmit={(step) => {
          onFind(step);
          setFind("");
        }}
      />
      {refusal !== null && (
        <Text size="sm" role="alert">
          {words.refusals[refusal.reason]}
        </Text>
      )}
    </Group>
  );
}
