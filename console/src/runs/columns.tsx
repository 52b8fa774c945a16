import type { Model } from "@/api/models";
import type { Column } from "@/components/DataTable";
import { Instant } from "@/components/Instant";
import { ObjectLink } from "@/components/ObjectLink";
import { PlaceLink } from "@/components/PlaceLink";
import { ShortId } from "@/components/ShortId";
import { StateBadge } from "@/components/StateBadge";
import { texts } from "@/texts";

const words = texts.runs;

export type Run = Model<"RunBody">;
export type StuckRun = Model<"StuckBody">;

/** The id of a run as the link to its page. */
export function RunLink({ id }: { id: string }) {
  return (
    <PlaceLink to={`~/runs/${id}`}>
      <ShortId id={id} />
    </PlaceLink>
  );
}

function outcomeOf(run: Run): string | null {
  return run.reason === null ? run.outcome : `${run.outcome ?? ""} (${run.reason})`.trim();
}

export const USUAL: readonly string[] = [
  "run",
  "contact",
  "journey",
  "state",
  "step",
  "outcome",
  "started",
];

export const COLUMNS: readonly Column<Run>[] = [
  { key: "run", title: words.run, cell: (run) => <RunLink id={run.id} /> },
  {
    key: "contact",
    title: words.contact,
    cell: (run) => <ObjectLink place="contacts" id={run.contact} />,
  },
  {
    key: "journey",
    title: words.journey,
    cell: (run) => <ObjectLink place="journeys" id={run.journey} />,
  },
  { key: "version", title: words.version, number: true, cell: (run) => run.version },
  { key: "state", title: words.state, cell: (run) => <StateBadge state={run.state} /> },
  { key: "step", title: words.step, cell: (run) => run.step ?? texts.parts.none },
  { key: "outcome", title: words.outcome, cell: (run) => outcomeOf(run) ?? texts.parts.none },
  { key: "started", title: words.started, cell: (run) => <Instant at={run.started_at} /> },
  { key: "ended", title: words.ended, cell: (run) => <Instant at={run.ended_at} /> },
];

export const STUCK_COLUMNS: readonly Column<StuckRun>[] = [
  { key: "run", title: words.run, cell: (run) => <RunLink id={run.id} /> },
  {
    key: "contact",
    title: words.contact,
    cell: (run) => <ObjectLink place="contacts" id={run.contact} />,
  },
  {
    key: "journey",
    title: words.journey,
    cell: (run) => <ObjectLink place="journeys" id={run.journey} />,
  },
  { key: "step", title: words.step, cell: (run) => run.step ?? texts.parts.none },
  {
    key: "why",
    title: words.why,
    cell: (run) => words.stuckReasons[run.reason] ?? run.reason,
  },
  { key: "since", title: words.since, cell: (run) => <Instant at={run.since} relative /> },
];
