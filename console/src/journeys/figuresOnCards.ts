import { useMemo } from "react";
import type { CardFigures } from "@/builder/graph/graphContext";
import { withQuery } from "@/components/addresses";
import { figure, percent } from "@/components/figures";
import { texts } from "@/texts";
import { leavesAt, type StepStats } from "./liveStats";

const words = texts.journeys.onCards;

type Figure = CardFigures[number];

/** A figure and where its people are listed; none where there is nothing to count. */
function some(name: string, count: number, to: string, value = figure(count)): readonly Figure[] {
  return count > 0 ? [{ name, value, to }] : [];
}

function shareOf(count: number, step: StepStats): string {
  const share = percent(count, step.sent);
  return share === null ? figure(count) : `${figure(count)} (${share})`;
}

/** What stands on the card of a step: each figure leads to its people. */
export function figuresOfStep(step: StepStats): CardFigures {
  const people = (query: Readonly<Record<string, string | null>>) =>
    withQuery("/people", { step: step.id, ...query });
  const messages = (status: string) => withQuery("/messages", { step: step.id, status });
  const reasons = Object.keys(step.deferred_by);
  // One reason can be asked for; of several, all who stand here are listed.
  const held = reasons.length === 1 ? (reasons[0] ?? null) : null;
  return [
    { name: words.reached, value: figure(step.reached) },
    ...some(words.waiting, step.waiting, people({ state: "active" })),
    ...some(words.retrying, step.retrying, people({ state: "active", held: "retry" })),
    ...some(words.deferred, step.deferred, people({ state: "active", held })),
    ...some(words.sent, step.sent, messages("sent")),
    ...some(words.opened, step.opened, messages("opened"), shareOf(step.opened, step)),
    ...some(words.clicked, step.clicked, messages("clicked"), shareOf(step.clicked, step)),
    ...some(words.failed, step.failed, messages("refused")),
    ...some(words.goal, step.goal.met, people({ goal: "met" })),
    ...some(words.left, leavesAt(step), people({ state: "ended" })),
  ];
}

/** How many took each way of a step, by the keys of its cards. */
export function figuresOfWays(
  step: string,
  outcomes: Readonly<Record<string, number>>,
  name: string,
): readonly (readonly [string, CardFigures])[] {
  return Object.entries(outcomes).map(([outcome, count]) => [
    outcome === "else" ? `step:${step}/else` : `step:${step}/way:${outcome}`,
    [{ name, value: figure(count) }],
  ]);
}

const NONE = { figures: new Map<string, CardFigures>(), heat: new Map<string, number>() };

/** The figures of the steps by the keys of their cards, and how many leave at each. */
export function useFiguresOnCards(steps: readonly StepStats[] | undefined) {
  return useMemo(() => {
    if (steps === undefined) {
      return NONE;
    }
    const figures = new Map<string, CardFigures>();
    const heat = new Map<string, number>();
    const most = Math.max(1, ...steps.map(leavesAt));
    for (const step of steps) {
      figures.set(`step:${step.id}`, figuresOfStep(step));
      if (step.kind === "branch" || step.kind === "split") {
        for (const [key, taken] of figuresOfWays(step.id, step.outcomes, words.took)) {
          figures.set(key, taken);
        }
      }
      const leave = leavesAt(step);
      if (leave > 0) {
        heat.set(`step:${step.id}`, leave / most);
      }
    }
    return { figures, heat };
  }, [steps]);
}
