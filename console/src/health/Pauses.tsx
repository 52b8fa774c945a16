import { Button, Text } from "@mantine/core";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { answerOf, api } from "@/api/client";
import { useMay } from "@/api/session";
import { ConfirmPreview } from "@/components/ConfirmPreview";
import { useFilter } from "@/components/filters";
import { type Overdue, OverdueChoice } from "@/components/OverdueChoice";
import { Section } from "@/components/Section";
import { texts } from "@/texts";

const words = texts.pausing;
const NAMED = 8;
const REFRESH = 5_000;
const NAMES = ["journeys", "names"] as const;

/** The first few journeys by their names. */
function namesOf(journeys: readonly { key: string; name: string | null }[]): string {
  const named = journeys.slice(0, NAMED).map(({ key, name }) => name ?? key);
  const rest = journeys.length - named.length;
  return texts.health.names(named, rest);
}

/** All journeys at once: pause them, and let go on what was paused with all. */
export function Pauses() {
  const queries = useQueryClient();
  const may = useMay("operate");
  const journeys = useQuery({
    queryKey: NAMES,
    queryFn: () => answerOf(api.GET("/v1/journeys", { params: { query: { limit: 500 } } })),
    refetchInterval: REFRESH,
  });
  const [asked, setAsked] = useFilter("do");
  const [overdue, setOverdue] = useState<Overdue>("send");
  const [changed, setChanged] = useState<readonly string[] | null>(null);
  const items = journeys.data?.items ?? [];
  const active = items.filter(({ state }) => state === "active");
  const paused = items.filter(({ state }) => state === "paused");
  const together = paused.filter(({ paused_with_all }) => paused_with_all);
  const alone = paused.filter(({ paused_with_all }) => !paused_with_all);
  function done(answer: { journeys: readonly string[] }) {
    setAsked(null);
    setChanged(answer.journeys);
    void queries.invalidateQueries({ queryKey: NAMES });
  }
  return (
    <Section
      title={texts.health.pauses}
      line={texts.health.pausesLine(active.length, paused.length)}
      actions={
        may && (
          <>
            <Button variant="default" onClick={() => setAsked("pause")}>
              {texts.health.pauseAll}
            </Button>
            <Button variant="default" onClick={() => setAsked("resume")}>
              {texts.health.resumeAll}
            </Button>
          </>
        )
      }
    >
      <Text role="status">{changed !== null && texts.health.changed(changed)}</Text>
      {together.length > 0 && <Text>{texts.health.together(namesOf(together))}</Text>}
      {alone.length > 0 && <Text>{texts.health.alone(namesOf(alone))}</Text>}
      {may && asked === "pause" && (
        <ConfirmPreview
          title={words.pauseAll}
          words={words.pauseAllWords(active.length, namesOf(active))}
          blocked={active.length === 0}
          confirm={words.pauseAllConfirm}
          danger
          reason
          act={(reason) => answerOf(api.POST("/v1/pause", { body: { reason } }))}
          onDone={done}
          onClose={() => setAsked(null)}
        />
      )}
      {may && asked === "resume" && (
        <ConfirmPreview
          title={words.resumeAll}
          words={words.resumeAllWords(namesOf(together), namesOf(alone))}
          blocked={together.length === 0}
          confirm={words.resumeAllConfirm}
          reason
          act={(reason) => answerOf(api.POST("/v1/resume", { body: { reason, overdue } }))}
          onDone={done}
          onClose={() => setAsked(null)}
        >
          <OverdueChoice value={overdue} onChange={setOverdue} />
        </ConfirmPreview>
      )}
    </Section>
  );
}
