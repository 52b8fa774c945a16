import { answerOf, api } from "@/api/client";
import type { Model } from "@/api/models";
import type { Column } from "@/components/DataTable";
import { FilterBar } from "@/components/FilterBar";
import { figure } from "@/components/figures";
import { given, useFilters } from "@/components/filters";
import { Instant } from "@/components/Instant";
import { Listing, useListing } from "@/components/Listing";
import { Page } from "@/components/Page";
import { PlaceLink } from "@/components/PlaceLink";
import { StateBadge } from "@/components/StateBadge";
import { texts } from "@/texts";

const words = texts.erasures;
const FILTERS = ["contact"] as const;

type Erasure = Model<"ErasureBody">;

/** How many rows an erasure has removed. */
export function rowsOf(erasure: Erasure): number {
  return Object.values(erasure.removed).reduce((sum, count) => sum + count, 0);
}

const COLUMNS: readonly Column<Erasure>[] = [
  {
    key: "at",
    title: words.at,
    cell: (row) => (
      <PlaceLink to={`/${row.id}`}>
        <Instant at={row.requested_at} />
      </PlaceLink>
    ),
  },
  { key: "by", title: words.by, cell: (row) => row.requested_by },
  { key: "state", title: words.state, cell: (row) => <StateBadge state={row.state} /> },
  { key: "rows", title: words.rows, number: true, cell: (row) => figure(rowsOf(row)) },
  {
    key: "suppressed",
    title: words.suppressed,
    number: true,
    cell: (row) => figure(row.suppressed),
  },
  {
    key: "ended",
    title: words.ended,
    number: true,
    cell: (row) => <Instant at={row.finished_at} />,
  },
];

/** The erasures, found by an id that the contact had: nothing in them names it. */
export function ErasureList() {
  const filters = useFilters(FILTERS);
  const found = useListing<Erasure>(["erasures", filters], (cursor) =>
    answerOf(
      api.GET("/v1/erasures", {
        params: {
          query: { ...given(filters), ...(cursor === undefined ? {} : { cursor }) },
        },
      }),
    ),
  );
  return (
    <Page title={words.title}>
      <FilterBar filters={[{ name: "contact", label: words.find, width: 240 }]} />
      <Listing
        label={words.title}
        query={found}
        columns={COLUMNS}
        rowKey={(row) => row.id}
        empty={filters.contact === "" ? words.empty : words.noneFound}
      />
    </Page>
  );
}
