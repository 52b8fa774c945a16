import { Button, Group, Text } from "@mantine/core";
import type { Keeping, OtherDraft } from "@/builder/draftKeeping";
import { texts } from "@/texts";

const words = texts.publishing;

/** How the draft of a document stands on the server, in words. */
export function KeepingWords({ keeping, changed }: { keeping: Keeping; changed: boolean }) {
  const said = {
    kept: changed ? words.kept : "",
    changed: words.changed,
    keeping: words.keeping,
    waiting: words.waiting,
    conflict: "",
  }[keeping.state];
  return (
    <Text size="sm" className="quiet" role="status">
      {said}
    </Text>
  );
}

interface ConflictProps {
  theirs: OtherDraft;
  onTake: () => void;
  onKeep: () => void;
}

/** Two people have changed a draft: both texts are there until one of them is chosen. */
export function Conflict({ theirs, onTake, onKeep }: ConflictProps) {
  return (
    <div role="alert">
      <Group gap="sm" mb="xs">
        <Text fw={600}>{words.conflict(theirs.savedBy)}</Text>
        <Button variant="default" onClick={onTake}>
          {words.takeTheirs}
        </Button>
        <Button variant="default" onClick={onKeep}>
          {words.keepMine}
        </Button>
      </Group>
      <details>
        <summary>{words.theirs}</summary>
        <pre>{theirs.text}</pre>
      </details>
    </div>
  );
}
