import { useMemo } from "react";
import type { CardFigures, FiguresOfCards } from "@/builder/graph/graphContext";
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
export function figuresOfStep(journey: string, step: StepStats): CardFigures {
  const people = (query: Readonly<Record<string, string | null>>) =>
    withQuery("/people", { step: step.id, ...query });
  const messages = (status: string) => withQuery("/messages", { step: step.id, status });
  const skipped = Object.values(step.skipped).reduce((sum, count) => sum + count, 0);
  const log = (outcome: string) =>
    `~${withQuery("/log", { types: "send,visit", journey, step: step.id, outcome })}`;
  const reasons = Object.keys(step.deferred_by);
  // One reason can be asked for; of several, all who stand here are listed.
  const held = reasons.length === 1 ? (reasons[0] ?? null) : null;
  return [
    ...(step.reached > 0
      ? some(words.reached, step.reached, withQuery("/people", { reached: step.id }))
      : [{ name: words.reached, value: figure(0) }]),
    ...some(words.waiting, step.waiting, people({ state: "active" })),
    ...some(words.retrying, step.retrying, people({ state: "active", held: "retry" })),
    ...some(words.deferred, step.deferred, people({ state: "active", held })),
    ...some(words.sent, step.sent, messages("sent")),
    ...some(words.opened, step.opened, messages("opened"), shareOf(step.opened, step)),
    ...some(words.clicked, step.clicked, messages("clicked"), shareOf(step.clicked, step)),
    ...some(words.skipped, skipped, log("skipped")),
    ...some(words.failed, step.failed, messages("refused")),
    ...some(words.goal, step.goal.met, people({ goal: "met" })),
    ...some(words.left, leavesAt(step), people({ state: "ended" })),
  ];
}

/** How many took the way of a card; undefined if the card is none of a way, or no one has been there. */
function takenBy(key: string, steps: ReadonlyMap<string, StepStats>): CardFigures | undefined {
  const [, id = "", way] = /^step:([^/]+)\/(?:way:(.+)|else)$/.exec(key) ?? [];
  const step = steps.get(id);
  if (step === undefined) {
    return undefined;
  }
  if (step.reached === 0) {
    return undefined;
  }
  const took = way ?? "else";
  const count = step.outcomes[took] ?? 0;
  const to = withQuery("/people", { reached: step.id, took });
  return [{ name: words.took, value: figure(count), ...(count > 0 ? { to } : {}) }];
}

const NONE = {
  figures: { get: () => undefined } satisfies FiguresOfCards,
  heat: new Map<string, number>(),
};

/** The figures of the steps by the keys of their cards, and how many leave at each. */
export function useFiguresOnCards(
  journey: string,
  steps: readonly StepStats[] | undefined,
): {
  figures: FiguresOfCards;
  heat: ReadonlyMap<string, number>;
} {
  return useMemo(() => {
    if (steps === undefined) {
      return NONE;
    }
    const byId = new Map(steps.map((step) => [step.id, step]));
    const made = new Map<string, CardFigures | undefined>();
    const figuresOf = (key: string) => {
      const step = byId.get(key.replace(/^step:/, ""));
      return step === undefined ? takenBy(key, byId) : figuresOfStep(journey, step);
    };
    const figures: FiguresOfCards = {
      get: (key) => {
        if (!made.has(key)) {
          made.set(key, figuresOf(key));
        }
        return made.get(key);
      },
    };
    const heat = new Map<string, number>();
    const most = Math.max(1, ...steps.map(leavesAt));
    for (const step of steps) {
      const leave = leavesAt(step);
      if (leave > 0) {
        heat.set(`step:${step.id}`, leave / most);
      }
    }
    return { figures, heat };
  }, [journey, steps]);
}
