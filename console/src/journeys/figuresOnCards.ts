import { useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { answerOf, api } from "@/api/client";
import type { Model } from "@/api/models";
import type { CardFigures } from "@/builder/graph/graphContext";
import { figure, percent } from "@/components/figures";
import { texts } from "@/texts";

const words = texts.journeys.onCards;

type Step = Model<"JourneyStats">["steps"][number];

function figuresOf(step: Step): CardFigures {
  const people = (state?: string) =>
    `/people?${new URLSearchParams({ step: step.id, ...(state === undefined ? {} : { state }) })}`;
  const opened = step.sent > 0 ? percent(step.opened, step.sent) : null;
  const clicked = step.sent > 0 ? percent(step.clicked, step.sent) : null;
  return [
    { name: words.reached, value: figure(step.reached) },
    ...(step.waiting > 0
      ? [{ name: words.waiting, value: figure(step.waiting), to: people("active") }]
      : []),
    ...(step.retrying > 0 ? [{ name: words.retrying, value: figure(step.retrying) }] : []),
    ...(step.sent > 0 ? [{ name: words.sent, value: figure(step.sent) }] : []),
    ...(opened === null || step.opened === 0 ? [] : [{ name: words.opened, value: opened }]),
    ...(clicked === null || step.clicked === 0 ? [] : [{ name: words.clicked, value: clicked }]),
    ...(step.failed > 0 ? [{ name: words.failed, value: figure(step.failed) }] : []),
  ];
}

/** The live figures of a journey by the ids of its steps, once every few seconds. */
export function useFiguresOnCards(journey: string, shown: boolean) {
  const stats = useQuery({
    queryKey: ["stats", journey, "cards"],
    queryFn: () =>
      answerOf(api.GET("/v1/journeys/{key}/stats", { params: { path: { key: journey } } })),
    refetchInterval: 2_000,
    enabled: shown,
  });
  const steps = stats.data?.steps;
  return useMemo(() => {
    const figures = new Map<string, CardFigures>();
    const heat = new Map<string, number>();
    if (!shown || steps === undefined) {
      return { figures, heat };
    }
    const most = Math.max(1, ...steps.map((step) => step.left));
    for (const step of steps) {
      figures.set(step.id, figuresOf(step));
      if (step.left > 0) {
        heat.set(`step:${step.id}`, step.left / most);
      }
    }
    return { figures, heat };
  }, [shown, steps]);
}
