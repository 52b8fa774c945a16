import type { Model } from "@/api/models";
import { type Column, DataTable } from "@/components/DataTable";
import { figure, percent } from "@/components/figures";
import { PlaceLink } from "@/components/PlaceLink";
import { texts } from "@/texts";

const words = texts.journeys.results;

type Step = Model<"JourneyStats">["steps"][number];

/** A figure, with the share that it is of the figure it is measured against. */
function shareOf(step: Step, name: "opened" | "clicked") {
  const rate = step.rates[name];
  const count = figure(step[name]);
  const share = rate === undefined ? null : percent(rate.count, rate.total);
  if (rate === undefined || share === null) {
    return count;
  }
  return <span title={words.rate(share, rate.of)}>{`${count} · ${share}`}</span>;
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
function people(step: Step, count: number, state?: string) {
  const query = new URLSearchParams({ step: step.id, ...(state === undefined ? {} : { state }) });
  return count === 0 ? figure(0) : <PlaceLink to={`/people?${query}`}>{figure(count)}</PlaceLink>;
}

const COLUMNS: readonly Column<Step>[] = [
  { key: "step", title: words.step, cell: (step) => step.id },
  { key: "kind", title: words.kind, cell: (step) => step.kind },
  { key: "reached", title: words.reached, number: true, cell: (step) => figure(step.reached) },
  {
    key: "waiting",
    title: words.waiting,
    number: true,
    cell: (step) => people(step, step.waiting, "active"),
  },
  { key: "sent", title: words.sent, number: true, cell: (step) => figure(step.sent) },
  { key: "opened", title: words.opened, number: true, cell: (step) => shareOf(step, "opened") },
  { key: "clicked", title: words.clicked, number: true, cell: (step) => shareOf(step, "clicked") },
  {
    key: "skipped",
    title: words.skipped,
    number: true,
    cell: (step) => <span title={reasons(step.skipped)}>{figure(sum(step.skipped))}</span>,
  },
  {
    key: "failed",
    title: words.failed,
    number: true,
    cell: (step) => <span title={reasons(step.failed_by)}>{figure(step.failed)}</span>,
  },
  { key: "unknown", title: words.unknown, number: true, cell: (step) => figure(step.unknown) },
  { key: "left", title: words.left, number: true, cell: (step) => figure(step.left) },
];

/** The figures of each step, in the order of the journey. */
export function StepTable({ steps }: { steps: readonly Step[] }) {
  return (
    <DataTable label={words.steps} columns={COLUMNS} rows={steps} rowKey={(step) => step.id} />
  );
}
