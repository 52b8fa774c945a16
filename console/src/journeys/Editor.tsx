import { Button, Group, Text } from "@mantine/core";
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import type { Model } from "@/api/models";
import { useMay } from "@/api/session";
import { Builder } from "@/builder/Builder";
import type { Fragments } from "@/builder/useBuilder";
import { ConfirmPreview } from "@/components/ConfirmPreview";
import { useFilter } from "@/components/filters";
import { DraftNotices, KeepingWords } from "@/documents/DraftState";
import { useEditedText } from "@/documents/editedText";
import { NO_DRAFT, type OpenedDraft } from "@/documents/openedDraft";
import { texts } from "@/texts";
import { CardFigures } from "./CardFigures";
import { useFiguresOnCards } from "./figuresOnCards";
import { LIBRARY, readyJourney } from "./library";
import { useLiveStats, useStatsWindow } from "./liveStats";
import { Publish } from "./publish/Publish";

const words = texts.publishing;
const FRAGMENTS: Fragments = {
  names: LIBRARY,
  read: async (name) => (await readyJourney(name, name)).text,
};

interface EditorProps {
  journey: string;
  /** The newest version; null if there is none yet. */
  live: Model<"JourneyBody"> | null;
  opened: OpenedDraft;
  /** The newest version that the server has spoken of. */
  newest: number | null;
  /** Who else edits it now. */
  others: readonly string[];
  readOnly: boolean;
}

/** A journey in the builder, with its draft kept, its figures on the cards, and the way to live. */
export function Editor({ journey, live, opened, newest, others, readOnly }: EditorProps) {
  const queries = useQueryClient();
  const mayPublish = useMay("operate");
  const mayRead = useMay("read");
  const source = live?.source ?? "";
  const edited = useEditedText({
    kind: "journey",
    document: journey,
    live,
    opened,
    newest,
    readOnly,
    onNewer: () => void queries.invalidateQueries({ queryKey: ["journey", journey] }),
  });
  const { changed, history, keeping, remove } = edited;
  const [figures, setFigures] = useFilter("figures");
  const shown = mayRead && live !== null && figures !== "off";
  const chosen = useStatsWindow();
  const stats = useLiveStats(journey, chosen.window, shown);
  const cards = useFiguresOnCards(journey, shown ? stats.stats?.steps : undefined);
  const [asked, setAsked] = useState<"publish" | "discard" | null>(null);

  async function withoutDraft() {
    setAsked(null);
    queries.setQueryData(["draft", "journey", journey], NO_DRAFT);
    queries.removeQueries({ queryKey: ["presence", "journey", journey] });
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
      <DraftNotices edited={edited} />
      <Builder
        history={history}
        readOnly={readOnly}
        figures={cards.figures}
        heat={cards.heat}
        fragments={FRAGMENTS}
      />
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
