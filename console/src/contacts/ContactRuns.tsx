import { Button } from "@mantine/core";
import { lazy, Suspense } from "react";
import { answerOf, api } from "@/api/client";
import type { Model } from "@/api/models";
import type { Column } from "@/components/DataTable";
import { useFilter } from "@/components/filters";
import { Instant } from "@/components/Instant";
import { Listing, useListing } from "@/components/Listing";
import { LoadingLine } from "@/components/LoadingLine";
import { Marked } from "@/components/Marked";
import { ObjectLink } from "@/components/ObjectLink";
import { PlaceLink } from "@/components/PlaceLink";
import { ShortId } from "@/components/ShortId";
import { StateBadge } from "@/components/StateBadge";
import { texts } from "@/texts";

const words = texts.contacts.runs;

type Standing = Model<"StandingBody">;

const StandingGraph = lazy(() =>
  import("./StandingGraph").then((module) => ({ default: module.StandingGraph })),
);
const CLOSED = "none";
const REFRESH = 5_000;

const COLUMNS: readonly Column<Standing>[] = [
  {
    key: "journey",
    title: words.journey,
    cell: (row) => (
      <PlaceLink to={`~/journeys/${encodeURIComponent(row.journey)}`}>{row.journey}</PlaceLink>
    ),
  },
  { key: "state", title: texts.journeys.state, cell: (row) => <StateBadge state={row.state} /> },
  { key: "step", title: words.step, cell: (row) => row.step ?? texts.parts.none },
  {
    key: "waits",
    title: words.waits,
    cell: (row) => (row.waiting === null ? texts.parts.none : <Marked words={row.waiting.words} />),
  },
  { key: "outcome", title: words.outcome, cell: (row) => row.outcome ?? texts.parts.none },
  {
    key: "until",
    title: words.until,
    number: true,
    cell: (row) => <Instant at={row.waiting?.until} />,
  },
  {
    key: "since",
    title: words.since,
    number: true,
    cell: (row) => <Instant at={row.started_at} />,
  },
  {
    key: "run",
    title: words.run,
    cell: (row) => (
      <ObjectLink place="runs" id={row.id}>
        <ShortId id={row.id} />
      </ObjectLink>
    ),
  },
];

/** The journeys of a contact: where it stands in each, on its graph, and what it waits for. */
export function ContactRuns({ contact }: { contact: string }) {
  const [chosen, setChosen] = useFilter("run");
  const runs = useListing<Standing>(
    ["contact-runs", contact],
    (cursor) =>
      answerOf(
        api.GET("/v1/contacts/{contact}/runs", {
          params: {
            path: { contact },
            query: { limit: 50, ...(cursor === undefined ? {} : { cursor }) },
          },
        }),
      ),
    REFRESH,
  );
  // The newest run under way is what one comes for: its graph is open unless it was closed.
  const newest = runs.data?.pages[0]?.items.find((run) => run.state === "active")?.id;
  const open = chosen === "" ? newest : chosen;
  const graph: Column<Standing> = {
    key: "graph",
    title: words.graph,
    cell: (row) => (
      <Button
        variant="subtle"
        size="compact-xs"
        aria-expanded={open === row.id}
        onClick={() => setChosen(open === row.id ? CLOSED : row.id)}
      >
        {open === row.id ? texts.contacts.standing.close : texts.contacts.standing.open}
      </Button>
    ),
  };
  return (
    <Listing
      label={texts.contacts.tabs.journeys}
      query={runs}
      columns={[...COLUMNS, graph]}
      rowKey={(row) => row.id}
      marked={(row) => open === row.id}
      detail={(row) =>
        open === row.id && (
          <Suspense fallback={<LoadingLine />}>
            <StandingGraph id={row.id} />
          </Suspense>
        )
      }
      empty={words.empty}
    />
  );
}
