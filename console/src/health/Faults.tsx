import { answerOf, api } from "@/api/client";
import type { Model } from "@/api/models";
import type { Column } from "@/components/DataTable";
import { FilterBar } from "@/components/FilterBar";
import { given, useFilters } from "@/components/filters";
import { Instant } from "@/components/Instant";
import { Listing, useListing } from "@/components/Listing";
import { ObjectLink } from "@/components/ObjectLink";
import { texts } from "@/texts";

const words = texts.health;
const FILTERS = ["code", "subject", "contact"] as const;
const STATES = { retrying: "deferred", given_up: "failed", recorded: "plain" } as const;

type Fault = Model<"FaultBody">;

const COLUMNS: readonly Column<Fault>[] = [
  { key: "at", title: words.at, cell: (row) => <Instant at={row.at} /> },
  {
    key: "subject",
    title: words.subject,
    cell: (row) =>
      row.run === null ? (
        row.subject
      ) : (
        <ObjectLink place="runs" id={row.run}>
          {row.subject}
        </ObjectLink>
      ),
  },
  { key: "part", title: words.part, cell: (row) => row.part },
  { key: "code", title: words.code, cell: (row) => <code>{row.code}</code> },
  { key: "detail", title: words.detail, cell: (row) => row.detail },
  {
    key: "state",
    title: words.state,
    cell: (row) => (
      <span className="state" data-state={STATES[row.state]}>
        {words.states[row.state]}
      </span>
    ),
  },
  {
    key: "attempts",
    title: words.times,
    number: true,
    cell: (row) => row.attempts ?? texts.parts.none,
  },
  {
    key: "next",
    title: words.nextTry,
    number: true,
    cell: (row) => <Instant at={row.next_try_at} relative />,
  },
];

/** What went wrong in the last 90 days, each thing once, the newest first. */
export function Faults() {
  const filters = useFilters(FILTERS);
  const faults = useListing<Fault>(
    ["faults", filters],
    (cursor) =>
      answerOf(
        api.GET("/v1/faults", {
          params: { query: { ...given(filters), ...(cursor === undefined ? {} : { cursor }) } },
        }),
      ),
    10_000,
  );
  return (
    <>
      <FilterBar
        filters={[
          { name: "code", label: words.code },
          { name: "subject", label: words.subject },
          { name: "contact", label: words.contact },
        ]}
      />
      <Listing
        label={words.faults}
        query={faults}
        columns={COLUMNS}
        rowKey={(row) => String(row.id)}
        empty={Object.values(filters).every((each) => each === "") ? words.noFault : words.noFaults}
      />
    </>
  );
}
