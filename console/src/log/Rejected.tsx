import { Button, Group, Text } from "@mantine/core";
import { type ReactNode, useState } from "react";
import { answerOf, api } from "@/api/client";
import type { Model } from "@/api/models";
import { useMay } from "@/api/session";
import type { Column } from "@/components/DataTable";
import { FilterBar } from "@/components/FilterBar";
import { given, useFilters } from "@/components/filters";
import { Instant } from "@/components/Instant";
import { Listing, useListing } from "@/components/Listing";
import { ObjectLink } from "@/components/ObjectLink";
import { texts } from "@/texts";
import { REJECTED } from "./items";
import { type RefusalCode, ReplayAll } from "./ReplayAll";
import { ReplayOne } from "./ReplayOne";

const words = texts.log;
const FILTERS = ["name", "code", "contact"] as const;
const REFRESH = 10_000;

type Rejection = Model<"RejectionBody">;

const COLUMNS: readonly Column<Rejection>[] = [
  { key: "at", title: words.since, cell: (row) => <Instant at={row.at} /> },
  { key: "event", title: words.event, cell: (row) => row.event },
  {
    key: "contact",
    title: words.contact,
    cell: (row) =>
      row.contact === null ? texts.parts.none : <ObjectLink place="contacts" id={row.contact} />,
  },
  {
    key: "journey",
    title: words.journey,
    cell: (row) =>
      row.journey === null ? texts.parts.none : <ObjectLink place="journeys" id={row.journey} />,
  },
  { key: "code", title: words.code, cell: (row) => <code>{row.code}</code> },
  { key: "message", title: words.message, cell: (row) => row.message ?? texts.parts.none },
];

/** Calls that were rejected, and entries that a journey refused, each with its replay. */
export function Rejected() {
  const filters = useFilters(FILTERS);
  const may = useMay("operate");
  const [one, setOne] = useState<Rejection | null>(null);
  const [all, setAll] = useState<{ journey: string; code: RefusalCode } | null>(null);
  const [done, setDone] = useState<ReactNode>(null);
  const rejected = useListing<Rejection>(
    [REJECTED, filters],
    (cursor) =>
      answerOf(
        api.GET("/v1/events/rejected", {
          params: { query: { ...given(filters), ...(cursor === undefined ? {} : { cursor }) } },
        }),
      ),
    REFRESH,
  );
  const replay: Column<Rejection> = {
    key: "replay",
    title: words.replayed,
    cell: (row) =>
      row.replayed_at !== null ? (
        <Instant at={row.replayed_at} />
      ) : may ? (
        <Group gap="xs" wrap="nowrap">
          <Button variant="default" size="compact-xs" onClick={() => setOne(row)}>
            {words.replay}
          </Button>
          {row.kind === "entry" && row.journey !== null && (
            <Button
              variant="subtle"
              size="compact-xs"
              onClick={() =>
                row.journey !== null &&
                setAll({ journey: row.journey, code: row.code as RefusalCode })
              }
            >
              {words.replayAll}
            </Button>
          )}
        </Group>
      ) : (
        texts.parts.none
      ),
  };
  return (
    <>
      <FilterBar
        filters={[
          { name: "code", label: words.code },
          { name: "name", label: words.event },
          { name: "contact", label: words.contact },
        ]}
      />
      <Text role="status">{done}</Text>
      <Listing
        label={words.tabs.rejected}
        query={rejected}
        columns={[...COLUMNS, replay]}
        rowKey={(row) => row.id}
        empty={words.rejectedEmpty}
      />
      {one !== null && (
        <ReplayOne
          rejection={one}
          onDone={(said) => {
            setOne(null);
            setDone(said);
          }}
          onClose={() => setOne(null)}
        />
      )}
      {all !== null && (
        <ReplayAll
          {...all}
          onDone={(said) => {
            setAll(null);
            setDone(said);
          }}
          onClose={() => setAll(null)}
        />
      )}
    </>
  );
}
