import { useMutation } from "@tanstack/react-query";
import { useMemo, useState } from "react";
import { answerOf, api } from "@/api/client";
import type { Model } from "@/api/models";

export type PlayedTrial = Model<"PlayedTrial">;
export type TrialLine = PlayedTrial["timeline"][number];
type Order = Model<"Trial">;

/** What is played: all but the journey and its text. */
export type TrialOrder = Pick<
  Order,
  "contact" | "person" | "sample" | "events" | "start" | "until"
>;

const NO_LINES: readonly TrialLine[] = [];

/** Plays the journey of a text, and keeps what happened and up to where it is looked at. */
export function useTrial(journey: string, text: string) {
  const [upTo, setUpTo] = useState<number | null>(null);
  const play = useMutation({
    mutationFn: (order: TrialOrder) =>
      answerOf(
        api.POST("/v1/simulate", {
          body: { journey, files: [{ filename: `${journey}.yaml`, source: text }], ...order },
        }),
      ),
    onSuccess: () => setUpTo(null),
  });
  const lines = play.data?.timeline ?? NO_LINES;
  const shown = upTo ?? lines.length;
  const path = useMemo(
    () =>
      new Set(
        (play.data?.timeline ?? [])
          .slice(0, shown)
          .flatMap((line) =>
            line.kind === "entry"
              ? ["entry"]
              : line.step === null
                ? []
                : [`step:${line.step}`, `step:${line.step}/way:${line.outcome}`],
          ),
      ),
    [play.data, shown],
  );
  return useMemo(() => ({ play, lines, shown, setUpTo, path }), [lines, path, play, shown]);
}

export type TrialState = ReturnType<typeof useTrial>;
