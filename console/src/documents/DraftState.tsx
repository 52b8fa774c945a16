import { Button, Group, Text } from "@mantine/core";
import { ApiProblem } from "@/api/problems";
import type { Keeping } from "@/builder/draftKeeper";
import { texts } from "@/texts";
import type { EditedText } from "./editedText";

const words = texts.publishing;

/** Whether all that was changed is kept; if not, why, and that one may go on. */
export function KeepingWords({ keeping, changed }: { keeping: Keeping; changed: boolean }) {
  if (keeping.state === "waiting") {
    return (
      <Text size="sm" role="alert">
        {keeping.error instanceof ApiProblem
          ? words.refused(keeping.error.message)
          : words.unreachable}
      </Text>
    );
  }
  const said = {
    kept: changed ? words.kept : "",
    changed: words.changed,
    keeping: words.keeping,
    conflict: "",
  }[keeping.state];
  return (
    <Text size="sm" className="quiet" role="status">
      {said}
    </Text>
  );
}

/** What others have done to a document that is edited here, and what can be done about it. */
export function DraftNotices({ edited }: { edited: EditedText }) {
  const { follow, keeping, settle, stale, taken } = edited;
  return (
    <>
      {keeping.state === "conflict" && (
        <TwoTexts
          said={
            keeping.theirs.savedBy === null
              ? words.changedMeanwhile
              : words.conflict(keeping.theirs.savedBy)
          }
          hint={words.conflictHint}
          take={words.takeTheirs}
          keep={words.keepMine}
          theirs={keeping.theirs.text}
          onTake={() => settle(false)}
          onKeep={() => settle(true)}
        />
      )}
      {stale !== null && (
        <TwoTexts
          said={words.stale(stale.version, stale.base)}
          hint={words.staleHint(stale.version)}
          take={words.takeVersion(stale.version)}
          keep={words.keepOver(stale.version)}
          theirs={stale.text}
          onTake={() => follow(false)}
          onKeep={() => follow(true)}
        />
      )}
      {taken !== null && (
        <Text size="sm" role="status" mb="xs">
          {words.taken(taken)}
        </Text>
      )}
    </>
  );
}

interface TwoTextsProps {
  said: string;
  hint: string;
  take: string;
  keep: string;
  theirs: string;
  onTake: () => void;
  onKeep: () => void;
}

/** Two texts of one document: both are there until one of them is chosen. */
function TwoTexts({ said, hint, take, keep, theirs, onTake, onKeep }: TwoTextsProps) {
  return (
    <div role="alert">
      <Group gap="sm" mb="xs">
        <Text fw={600}>{said}</Text>
        <Button variant="default" onClick={onTake}>
          {take}
        </Button>
        <Button variant="default" onClick={onKeep}>
          {keep}
        </Button>
      </Group>
      <Text size="sm">{hint}</Text>
      <details>
        <summary>{words.theirs}</summary>
        <pre>{theirs}</pre>
      </details>
    </div>
  );
}
