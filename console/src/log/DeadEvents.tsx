import { Button, Group, Text } from "@mantine/core";
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
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
import { type DeadAction, DeadOrder } from "./DeadOrder";

const words = texts.log;
const FILTERS = ["code", "contact"] as const;
const DEAD = "dead-events";

type Dead = Model<"DeadEventBody">;

const COLUMNS: readonly Column<Dead>[] = [
  { key: "died", title: words.died, cell: (row) => <Instant at={row.died_at} /> },
  { key: "event", title: words.event, cell: (row) => row.name ?? row.event },
  {
    key: "contact",
    title: words.contact,
    cell: (row) => <ObjectLink place="contacts" id={row.contact} />,
  },
  { key: "code", title: words.code, cell: (row) => <code>{row.code}</code> },
  { key: "detail", title: words.detail, cell: (row) => row.detail },
  { key: "recorded", title: words.recorded, cell: (row) => <Instant at={row.recorded_at} /> },
];

/** Events whose dispatch was given up, and what is done with those of one code. */
export function DeadEvents() {
  const filters = useFilters(FILTERS);
  const may = useMay("operate");
  const queries = useQueryClient();
  const [asked, setAsked] = useState<{ action: DeadAction; code: string } | null>(null);
  const [said, setSaid] = useState("");
  const dead = useListing<Dead>(
    [DEAD, filters],
    (cursor) =>
      answerOf(
        api.GET("/v1/events/dead", {
          params: { query: { ...given(filters), ...(cursor === undefined ? {} : { cursor }) } },
        }),
      ),
    10_000,
  );
  const rows = dead.data?.pages.flatMap((page) => page.items) ?? [];
  const codes = [...new Set(rows.map((row) => row.code))];
  return (
    <>
      <FilterBar
        filters={[
          { name: "code", label: words.code },
          { name: "contact", label: words.contact },
        ]}
      />
      <Text role="status">{said}</Text>
      {may &&
        codes.map((code) => (
          <Group key={code} gap="sm" mb="sm">
            <Button variant="default" onClick={() => setAsked({ action: "replay", code })}>
              {words.replayDead(code)}
            </Button>
            <Button variant="subtle" onClick={() => setAsked({ action: "dismiss", code })}>
              {words.dismissDead(code)}
            </Button>
          </Group>
        ))}
      <Listing
        label={words.tabs.dead}
        query={dead}
        columns={COLUMNS}
        rowKey={(row) => String(row.event)}
        empty={words.deadEmpty}
      />
      {asked !== null && (
        <DeadOrder
          {...asked}
          onDone={(done) => {
            setAsked(null);
            setSaid(done);
            void queries.invalidateQueries({ queryKey: [DEAD] });
          }}
          onClose={() => setAsked(null)}
        />
      )}
    </>
  );
}
