import { Checkbox } from "@mantine/core";
import { useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { answerOf, api } from "@/api/client";
import type { Model } from "@/api/models";
import { ConfirmPreview } from "@/components/ConfirmPreview";
import { ObjectLink } from "@/components/ObjectLink";
import { texts } from "@/texts";
import { REJECTED } from "./items";

const words = texts.log;

interface ReplayOneProps {
  rejection: Model<"RejectionBody">;
  /** Called with what came of it, in words. */
  onDone: (said: ReactNode) => void;
  onClose: () => void;
}

/** Takes a rejected call after all, or lets an event into the journey that refused it. */
export function ReplayOne({ rejection, onDone, onClose }: ReplayOneProps) {
  const { id, event, journey } = rejection;
  const queries = useQueryClient();
  const [ignoreAge, setIgnoreAge] = useState(false);
  return (
    <ConfirmPreview
      title={words.replayTitle}
      words={
        journey === null ? words.replayItemWords(event) : words.replayEntryWords(event, journey)
      }
      confirm={words.replayTitle}
      act={() =>
        answerOf(
          api.POST("/v1/events/rejected/{rejection}/replay", {
            params: { path: { rejection: id } },
            body: { ignore_age: ignoreAge },
          }),
        )
      }
      onDone={({ run }) => {
        void queries.invalidateQueries({ queryKey: [REJECTED] });
        onDone(
          run === null ? (
            words.taken
          ) : (
            <>
              {words.began} <ObjectLink place="runs" id={run} />
            </>
          ),
        );
      }}
      onClose={onClose}
    >
      {journey !== null && (
        <Checkbox
          label={words.ignoreAge}
          checked={ignoreAge}
          onChange={(change) => setIgnoreAge(change.currentTarget.checked)}
        />
      )}
    </ConfirmPreview>
  );
}
