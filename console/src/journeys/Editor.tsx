import { Button, Group, Text } from "@mantine/core";
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import type { Model } from "@/api/models";
import { useMay } from "@/api/session";
import { Builder } from "@/builder/Builder";
import { type Keeping, type OtherDraft, useDraftKeeping } from "@/builder/draftKeeping";
import { useTextHistory } from "@/builder/textHistory";
import { ConfirmPreview } from "@/components/ConfirmPreview";
import { useFilter } from "@/components/filters";
import { texts } from "@/texts";
import { CardFigures } from "./CardFigures";
import { useFiguresOnCards } from "./figuresOnCards";
import { useLiveStats, useStatsWindow } from "./liveStats";
import { Publish } from "./publish/Publish";

const words = texts.publishing;

interface EditorProps {
  journey: string;
  /** The newest version; null if there is none yet. */
  live: Model<"JourneyBody"> | null;
  draft: Model<"DraftBody"> | null;
  /** Who else edits it now. */
  others: readonly string[];
  readOnly: boolean;
}

/** A journey in the builder, with its draft kept, its figures on the cards, and the way to live. */
export function Editor({ journey, live, draft, others, readOnly }: EditorProps) {
  const queries = useQueryClient();
  const mayPublish = useMay("operate");
  const mayRead = useMay("read");
  const source = live?.source ?? "";
  const opened = draft?.text ?? source;
  const history = useTextHistory(journey, opened);
  const { keeping, settle, remove } = useDraftKeeping({
    journey,
    opened: { revision: draft?.revision ?? null, text: opened },
    baseVersion: draft?.base_version ?? live?.version ?? null,
    text: history.text,
    enabled: !readOnly,
  });
  const [figures, setFigures] = useFilter("figures");
  const shown = mayRead && live !== null && figures !== "off";
  const chosen = useStatsWindow();
  const stats = useLiveStats(journey, chosen.window, shown);
  const cards = useFiguresOnCards(shown ? stats.stats?.steps : undefined);
  const [asked, setAsked] = useState<"publish" | "discard" | null>(null);
  const changed = history.text !== source;

  async function withoutDraft() {
    setAsked(null);
    queries.setQueryData(["draft", journey], null);
    queries.removeQueries({ queryKey: ["presence", journey] });
    await queries.invalidateQueries({ queryKey: ["journey", journey] });
  }
  return (
    <>
      <Group gap="sm" mb="xs" justify="space-between">
        <Group gap="sm">
          {readOnly ? (
            <Text size="sm" className="quiet">
              {words.readOnly}
            </Text>
          ) : (
            <KeepingWords keeping={keeping} changed={changed} />
          )}
          {others.length > 0 && (
            <Text size="sm" role="status">
              {words.editors(others.join(", "))}
            </Text>
          )}
          {mayRead && live !== null && (
            <CardFigures
              journey={journey}
              shown={shown}
              onShow={(next) => setFigures(next ? null : "off")}
              live={stats}
              chosen={chosen}
            />
          )}
        </Group>
        {!readOnly && (
          <Group gap="sm">
            {changed && live !== null && (
              <Button variant="default" onClick={() => setAsked("discard")}>
                {words.discard}
              </Button>
            )}
            {mayPublish && <Button onClick={() => setAsked("publish")}>{words.publish}</Button>}
          </Group>
        )}
      </Group>
      {keeping.state === "conflict" && (
        <Conflict
          theirs={keeping.theirs}
          onTake={() => {
            history.type(keeping.theirs.text);
            settle(keeping.theirs, false);
          }}
          onKeep={() => settle(keeping.theirs, true)}
        />
      )}
      <Builder history={history} readOnly={readOnly} figures={cards.figures} heat={cards.heat} />
      {asked === "publish" && (
        <Publish
          journey={journey}
          text={history.text}
          before={source}
          onClose={() => setAsked(null)}
          onDone={async () => {
            await remove(history.text).catch(() => undefined);
            await withoutDraft();
          }}
        />
      )}
      {asked === "discard" && (
        <ConfirmPreview
          title={words.discard}
          words={words.discardWords}
          confirm={words.discard}
          act={() => remove(source)}
          onClose={() => setAsked(null)}
          onDone={() => {
            history.type(source);
            void withoutDraft();
          }}
        />
      )}
    </>
  );
}

function KeepingWords({ keeping, changed }: { keeping: Keeping; changed: boolean }) {
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
function Conflict({ theirs, onTake, onKeep }: ConflictProps) {
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
