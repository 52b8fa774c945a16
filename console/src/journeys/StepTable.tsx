import type { Model } from "@/api/models";
import { kindName } from "@/builder/graph/cardWords";
import { withQuery } from "@/components/addresses";
import { type Column, DataTable } from "@/components/DataTable";
import { figure, percent } from "@/components/figures";
import { PlaceLink } from "@/components/PlaceLink";
import { texts } from "@/texts";
import { leavesAt } from "./liveStats";

const words = texts.journeys.results;

type Step = Model<"JourneyStats">["steps"][number];

/** A figure, with the share that it is of the figure it is measured against. */
function shareOf(step: Step, name: "opened" | "clicked") {
  const rate = step.rates[name];
  const share = rate === undefined ? null : percent(rate.count, rate.total);
  const count = messages(step, step[name], name);
  if (rate === undefined || share === null) {
    return count;
  }
  return (
    <span title={words.rate(share, rate.of)}>
      {count} · {share}
    </span>
  );
}

function sum(counts: Readonly<Record<string, number>>): number {
  return Object.values(counts).reduce((whole, count) => whole + count, 0);
}

function reasons(counts: Readonly<Record<string, number>>): string {
  return Object.entries(counts)
    .map(([reason, count]) => `${reason}: ${figure(count)}`)
    .join(", ");
}

/** A number that leads to the people it counts. */
function people(step: Step, count: number, query: Readonly<Record<string, string>>) {
  return count === 0 ? (
    figure(0)
  ) : (
    <PlaceLink to={withQuery("/people", { step: step.id, ...query })}>{figure(count)}</PlaceLink>
  );
}

/** How many came to a step, leading to them. */
function Reached({ step }: { step: Step }) {
  return (
    <PlaceLink to={withQuery("/people", { reached: step.id })}>{figure(step.reached)}</PlaceLink>
  );
}

/** A number that leads to the messages it counts. */
function messages(step: Step, count: number, status: string) {
  return count === 0 ? (
    figure(0)
  ) : (
    <PlaceLink to={withQuery("/messages", { step: step.id, status })}>{figure(count)}</PlaceLink>
  );
}

/** A number that leads to those whose step ended so, each with the reason. */
function ended(journey: string, step: Step, count: number, outcome: string) {
  const query = { types: "send,visit", journey, step: step.id, outcome };
  return count === 0 ? (
    figure(0)
  ) : (
    <PlaceLink to={`~${withQuery("/log", query)}`}>{figure(count)}</PlaceLink>
  );
}

const columnsOf = (journey: string): readonly Column<Step>[] => [
  { key: "step", title: words.step, cell: (step) => step.id },
  { key: "kind", title: words.kind, cell: (step) => kindName(step.kind) },
  {
    key: "reached",
    title: words.reached,
    number: true,
    cell: (step) => (step.reached === 0 ? figure(0) : <Reached step={step} />),
  },
  {
    key: "waiting",
    title: words.waiting,
    number: true,
    cell: (step) => people(step, step.waiting, { state: "active" }),
  },
  {
    key: "retrying",
    title: words.retrying,
    number: true,
    cell: (step) => people(step, step.retrying, { state: "active", held: "retry" }),
  },
  {
    key: "deferred",
    title: words.deferred,
    number: true,
    cell: (step) => (
      <span title={reasons(step.deferred_by)}>
        {people(step, step.deferred, { state: "active" })}
      </span>
    ),
  },
  {
    key: "sent",
    title: words.sent,
    number: true,
    cell: (step) => messages(step, step.sent, "sent"),
  },
  { key: "opened", title: words.opened, number: true, cell: (step) => shareOf(step, "opened") },
  { key: "clicked", title: words.clicked, number: true, cell: (step) => shareOf(step, "clicked") },
  {
    key: "skipped",
    title: words.skipped,
    number: true,
    cell: (step) => (
      <span title={reasons(step.skipped)}>
        {ended(journey, step, sum(step.skipped), "skipped")}
      </span>
    ),
  },
  {
    key: "failed",
    title: words.failed,
    number: true,
    cell: (step) => (
      <span title={reasons(step.failed_by)}>{messages(step, step.failed, "refused")}</span>
    ),
  },
  {
    key: "unknown",
    title: words.unknown,
    number: true,
    cell: (step) => messages(step, step.unknown, "unknown"),
  },
  {
    key: "goal",
    title: words.goal,
    number: true,
    cell: (step) => people(step, step.goal.met, { goal: "met" }),
  },
  {
    key: "left",
    title: words.left,
    number: true,
    cell: (step) => people(step, leavesAt(step), { state: "ended" }),
  },
];

/** The figures of each step, in the order of the journey. */
export function StepTable({ journey, steps }: { journey: string; steps: readonly Step[] }) {
  return (
    <DataTable
      label={words.steps}
      columns={columnsOf(journey)}
      rows={steps}
      rowKey={(step) => step.id}
    />
  );
}
