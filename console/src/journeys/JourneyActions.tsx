import { Button } from "@mantine/core";
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { answerOf, api } from "@/api/client";
import type { Model } from "@/api/models";
import { useMay } from "@/api/session";
import { ConfirmPreview } from "@/components/ConfirmPreview";
import { type Overdue, OverdueChoice } from "@/components/OverdueChoice";
import { texts } from "@/texts";

const words = texts.publishing;

type Action = "pause" | "resume" | "archive";
type State = Model<"JourneyBody">["state"];

const OFFERED: Readonly<Record<State, readonly Action[]>> = {
  draft: ["archive"],
  active: ["pause", "archive"],
  paused: ["resume", "archive"],
  archived: [],
};
const SAID: Readonly<Record<Action, string>> = {
  pause: words.pauseWords,
  resume: words.resumeWords,
  archive: words.archiveWords,
};

/** Pause, resume and archive, each after it was said what that means. */
export function JourneyActions({ journey, state }: { journey: string; state: State }) {
  const queries = useQueryClient();
  const mayOperate = useMay("operate");
  const [asked, setAsked] = useState<Action | null>(null);
  const [overdue, setOverdue] = useState<Overdue>("send");
  const path = { params: { path: { key: journey } } };
  async function act(action: Action) {
    switch (action) {
      case "pause":
        return await answerOf(api.POST("/v1/journeys/{key}/pause", path));
      case "resume":
        return await answerOf(
          api.POST("/v1/journeys/{key}/resume", { ...path, body: { overdue } }),
        );
      case "archive":
        return await answerOf(api.POST("/v1/journeys/{key}/archive", path));
    }
  }
  if (!mayOperate) {
    return null;
  }
  return (
    <>
      {OFFERED[state].map((action) => (
        <Button key={action} variant="default" onClick={() => setAsked(action)}>
          {words[action]}
        </Button>
      ))}
      {asked !== null && (
        <ConfirmPreview
          title={`${words[asked]}: ${journey}`}
          words={SAID[asked]}
          confirm={words[asked]}
          danger={asked === "archive"}
          act={() => act(asked)}
          onClose={() => setAsked(null)}
          onDone={() => {
            setAsked(null);
            void queries.invalidateQueries({ queryKey: ["journey", journey] });
          }}
        >
          {asked === "resume" && <OverdueChoice value={overdue} onChange={setOverdue} />}
        </ConfirmPreview>
      )}
    </>
  );
}
