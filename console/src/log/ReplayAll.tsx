import { Checkbox } from "@mantine/core";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { answerOf, api } from "@/api/client";
import type { Model } from "@/api/models";
import { ConfirmPreview } from "@/components/ConfirmPreview";
import { LoadingLine } from "@/components/LoadingLine";
import { ProblemNotice } from "@/components/ProblemNotice";
import { texts } from "@/texts";
import { REJECTED } from "./items";

const words = texts.log;

export type RefusalCode = Model<"RefusalOrder">["code"];

interface ReplayAllProps {
  journey: string;
  code: RefusalCode;
  onDone: (said: string) => void;
  onClose: () => void;
}

/** Tries all entries again that a journey refused for one reason. */
export function ReplayAll({ journey, code, onDone, onClose }: ReplayAllProps) {
  const queries = useQueryClient();
  const [ignoreAge, setIgnoreAge] = useState(false);
  const order = { journey, code, ignore_age: ignoreAge };
  const preview = useQuery({
    queryKey: ["replay-preview", order],
    queryFn: () =>
      answerOf(api.POST("/v1/events/refused/replay", { body: { ...order, preview: true } })),
    staleTime: 0,
  });
  return (
    <ConfirmPreview
      title={words.allTitle(journey)}
      words={
        preview.isError ? (
          <ProblemNotice error={preview.error} />
        ) : preview.data === undefined ? (
          <LoadingLine />
        ) : (
          preview.data.words
        )
      }
      confirm={words.again}
      blocked={preview.data === undefined || preview.data.found === 0}
      reason
      act={async (reason) => {
        // A call works on 200 of them.
        let cursor: string | null = null;
        const said: string[] = [];
        do {
          const answer: Model<"RefusalAnswer"> = await answerOf(
            api.POST("/v1/events/refused/replay", {
              body: { ...order, preview: false, reason, cursor },
            }),
          );
          said.push(answer.words);
          cursor = answer.next;
        } while (cursor !== null);
        return said.join("; ");
      }}
      onDone={(said) => {
        void queries.invalidateQueries({ queryKey: [REJECTED] });
        onDone(said);
      }}
      onClose={onClose}
    >
      <Checkbox
        label={words.ignoreAge}
        checked={ignoreAge}
        onChange={(change) => setIgnoreAge(change.currentTarget.checked)}
      />
    </ConfirmPreview>
  );
}
