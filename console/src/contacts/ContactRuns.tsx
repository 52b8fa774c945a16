import { answerOf, api } from "@/api/client";
import type { Model } from "@/api/models";
import type { Column } from "@/components/DataTable";
import { Instant } from "@/components/Instant";
import { Listing, useListing } from "@/components/Listing";
import { ObjectLink } from "@/components/ObjectLink";
import { PlaceLink } from "@/components/PlaceLink";
import { ShortId } from "@/components/ShortId";
import { StateBadge } from "@/components/StateBadge";
import { texts } from "@/texts";

const words = texts.contacts.runs;

type Standing = Model<"StandingBody">;

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
  { key: "waits", title: words.waits, cell: (row) => row.waiting?.words ?? texts.parts.none },
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

/** The journeys of a contact: where it stands in each, and what it waits for. */
export function ContactRuns({ contact }: { contact: string }) {
  const runs = useListing<Standing>(["contact-runs", contact], (cursor) =>
    answerOf(
      api.GET("/v1/contacts/{contact}/runs", {
        params: {
          path: { contact },
          query: { limit: 50, ...(cursor === undefined ? {} : { cursor }) },
        },
      }),
    ),
  );
  return (
    <Listing
      label={texts.contacts.tabs.journeys}
      query={runs}
      columns={COLUMNS}
      rowKey={(row) => row.id}
      empty={words.empty}
    />
  );
}
