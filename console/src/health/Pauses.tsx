import { Button, Text } from "@mantine/core";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { answerOf, api } from "@/api/client";
import { useMay } from "@/api/session";
import { ConfirmPreview } from "@/components/ConfirmPreview";
import { type Overdue, OverdueChoice } from "@/components/OverdueChoice";
import { Section } from "@/components/Section";
import { texts } from "@/texts";

const words = texts.pausing;
const NAMES = ["journeys", "names"] as const;

/** All journeys at once: pause them, and let go on what was paused with all. */
export function Pauses() {
  const queries = useQueryClient();
  const may = useMay("operate");
  const journeys = useQuery({
    queryKey: NAMES,
    queryFn: () => answerOf(api.GET("/v1/journeys", { params: { query: { limit: 500 } } })),
  });
  const [asked, setAsked] = useState<"pause" | "resume" | null>(null);
  const [overdue, setOverdue] = useState<Overdue>("send");
  const [changed, setChanged] = useState<readonly string[] | null>(null);
  const states = journeys.data?.items.map((journey) => journey.state) ?? [];
  const active = states.filter((state) => state === "active").length;
  const paused = states.filter((state) => state === "paused").length;
  function done(answer: { journeys: readonly string[] }) {
    setAsked(null);
    setChanged(answer.journeys);
    void queries.invalidateQueries({ queryKey: NAMES });
  }
  return (
    <Section
      title={texts.health.pauses}
      line={texts.health.pausesLine(active, paused)}
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
      {asked === "pause" && (
        <ConfirmPreview
          title={words.pauseAll}
          words={words.pauseAllWords(active)}
          confirm={words.pauseAllConfirm}
          danger
          reason
          act={(reason) => answerOf(api.POST("/v1/pause", { body: { reason } }))}
          onDone={done}
          onClose={() => setAsked(null)}
        />
      )}
      {asked === "resume" && (
        <ConfirmPreview
          title={words.resumeAll}
          words={words.resumeAllWords}
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
