import { Button } from "@mantine/core";
import { Link } from "wouter";
import { answerOf, api } from "@/api/client";
import type { Model } from "@/api/models";
import { useMay } from "@/api/session";
import type { Column } from "@/components/DataTable";
import { figure } from "@/components/figures";
import { Instant } from "@/components/Instant";
import { Listing, useListing } from "@/components/Listing";
import { Page } from "@/components/Page";
import { PlaceLink } from "@/components/PlaceLink";
import { StateBadge } from "@/components/StateBadge";
import { texts } from "@/texts";

const words = texts.segments;

type Segment = Model<"SegmentBody">;

const COLUMNS: readonly Column<Segment>[] = [
  {
    key: "name",
    title: words.name,
    cell: (row) => <PlaceLink to={`/${encodeURIComponent(row.key)}`}>{row.key}</PlaceLink>,
  },
  { key: "state", title: words.state, cell: (row) => <StateBadge state={row.state} /> },
  { key: "members", title: words.members, number: true, cell: (row) => figure(row.members) },
  {
    key: "changed",
    title: words.changed,
    number: true,
    cell: (row) => <Instant at={row.updated_at} relative />,
  },
];

/** All segments, with the number of their members. */
export function SegmentList() {
  const mayEdit = useMay("edit");
  const segments = useListing<Segment>(
    ["segments"],
    (cursor) =>
      answerOf(
        api.GET("/v1/segments", {
          params: { query: { limit: 100, ...(cursor === undefined ? {} : { cursor }) } },
        }),
      ),
    10_000,
  );
  return (
    <Page
      title={words.title}
      actions={
        mayEdit && (
          <Button component={Link} to="/new" size="sm">
            {words.open}
          </Button>
        )
      }
    >
      <Listing
        label={words.title}
        query={segments}
        columns={COLUMNS}
        rowKey={(row) => row.key}
        empty={words.empty}
      />
    </Page>
  );
}
