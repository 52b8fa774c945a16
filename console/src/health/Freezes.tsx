import { Button } from "@mantine/core";
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { answerOf, api } from "@/api/client";
import { useMay } from "@/api/session";
import { channelName } from "@/components/channelName";
import type { Column } from "@/components/DataTable";
import { useFilter } from "@/components/filters";
import { Instant } from "@/components/Instant";
import { Listing, useListing } from "@/components/Listing";
import { Section } from "@/components/Section";
import { texts } from "@/texts";
import { FreezeDialog } from "./FreezeDialog";
import { FREEZES, type Freeze } from "./freezes";
import { Pauses } from "./Pauses";
import { UnfreezeDialog } from "./UnfreezeDialog";
import { authorOf } from "./useFreezes";

const words = texts.health;
const REFRESH = 5_000;

const COLUMNS: readonly Column<Freeze>[] = [
  {
    key: "channel",
    title: words.channel,
    cell: (row) => (row.channel === "all" ? texts.pausing.everyChannel : channelName(row.channel)),
  },
  { key: "stops", title: words.stops, cell: (row) => texts.pausing.stopsOptions[row.stops] },
  {
    key: "state",
    title: words.state,
    cell: (row) => (
      <span className="state" data-state={row.ended_at === null ? "deferred" : "plain"}>
        {row.ended_at === null ? words.holds : words.over}
      </span>
    ),
  },
  { key: "reason", title: words.reason, cell: (row) => row.reason },
  {
    key: "by",
    title: words.by,
    cell: (row) => authorOf(row),
  },
  { key: "since", title: words.since, cell: (row) => <Instant at={row.frozen_at} /> },
  { key: "until", title: words.until, cell: (row) => <Instant at={row.ended_at} /> },
  {
    key: "ended",
    title: words.endedBy,
    cell: (row) =>
      row.ended_at === null
        ? texts.parts.none
        : words.endedFor(row.ended_by_name ?? row.ended_by ?? texts.parts.none, row.end_reason),
  },
];

/** What is frozen or paused, with what begins and ends it. */
export function Freezes() {
  const queries = useQueryClient();
  const freezes = useListing<Freeze>(
    FREEZES,
    (cursor) =>
      answerOf(
        api.GET("/v1/freezes", { params: { query: cursor === undefined ? {} : { cursor } } }),
      ),
    REFRESH,
  );
  const mayFreeze = useMay("operate");
  const mayUnfreeze = useMay("admin");
  const [asked, setAsked] = useFilter("do");
  const [ending, setEnding] = useState<Freeze | null>(null);
  function done() {
    setAsked(null);
    setEnding(null);
    void queries.invalidateQueries({ queryKey: FREEZES });
  }
  const end: Column<Freeze> = {
    key: "end",
    title: words.unfreeze,
    act: true,
    head: <span className="spoken">{words.unfreeze}</span>,
    cell: (row) =>
      row.ended_at === null && (
        <Button variant="default" size="compact-xs" onClick={() => setEnding(row)}>
          {words.unfreeze}
        </Button>
      ),
  };
  return (
    <>
      <Section
        title={words.freezes}
        actions={
          mayFreeze && (
            <Button variant="default" onClick={() => setAsked("freeze")}>
              {words.freeze}
            </Button>
          )
        }
      >
        <Listing
          label={words.freezes}
          query={freezes}
          columns={mayUnfreeze ? [...COLUMNS, end] : COLUMNS}
          rowKey={(row) => String(row.id)}
          empty={words.noFreeze}
        />
      </Section>
      <Pauses />
      {asked === "freeze" && mayFreeze && (
        <FreezeDialog onDone={done} onClose={() => setAsked(null)} />
      )}
      {ending !== null && (
        <UnfreezeDialog freeze={ending} held={null} onDone={done} onClose={() => setEnding(null)} />
      )}
    </>
  );
}
