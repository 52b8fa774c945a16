import { Button } from "@mantine/core";
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { answerOf, api } from "@/api/client";
import { useMay } from "@/api/session";
import { withQuery } from "@/components/addresses";
import type { Column } from "@/components/DataTable";
import { FilterBar } from "@/components/FilterBar";
import { given, useAddressChange, useFilter, useFilters } from "@/components/filters";
import { Instant } from "@/components/Instant";
import { LinkButton } from "@/components/LinkButton";
import { Listing, useListing } from "@/components/Listing";
import { Page } from "@/components/Page";
import { PlaceLink } from "@/components/PlaceLink";
import { ShortId } from "@/components/ShortId";
import { texts } from "@/texts";
import { AddDialog } from "./AddDialog";
import { LiftDialog } from "./LiftDialog";
import { CHANNELS, reasonWords, type Suppression, sourceOf } from "./suppressions";

const words = texts.suppressions;
const FILTERS = ["address", "channel", "reason"] as const;

/** Where the audit log says who suppressed the address, and who lifted that before. */
function historyOf({ channel, address_hash }: Suppression): string {
  return `~${withQuery("/audit", { subject: `suppression:${channel}/${address_hash}` })}`;
}

const COLUMNS: readonly Column<Suppression>[] = [
  { key: "hash", title: words.hash, cell: (row) => <ShortId id={row.address_hash} /> },
  {
    key: "channel",
    title: words.channel,
    cell: (row) => words.channels[row.channel as keyof typeof words.channels] ?? row.channel,
  },
  { key: "reason", title: words.reason, cell: (row) => reasonWords(row.reason) },
  { key: "source", title: words.source, cell: (row) => sourceOf(row) },
  { key: "since", title: words.since, cell: (row) => <Instant at={row.suppressed_at} /> },
  {
    key: "history",
    title: words.history,
    // What came of an answer of a provider is no change of a person.
    cell: (row) =>
      row.by === null ? (
        texts.parts.none
      ) : (
        <PlaceLink to={historyOf(row)}>{words.historyOf}</PlaceLink>
      ),
  },
];

/** The addresses that nothing is sent to: why, by whom, since when; found by a whole address. */
export function SuppressionList() {
  const filters = useFilters(FILTERS);
  const change = useAddressChange();
  const queries = useQueryClient();
  const mayAdd = useMay("operate");
  const mayLift = useMay("admin");
  const [asked, setAsked] = useFilter("do");
  const [lifting, setLifting] = useState<Suppression | null>(null);
  const channel = CHANNELS.find((each) => each === filters.channel);
  const list = useListing<Suppression>(["suppressions", "list", filters], (cursor) =>
    answerOf(
      api.GET("/v1/suppressions", {
        params: {
          query: {
            ...given({ address: filters.address, reason: filters.reason }),
            ...(channel === undefined ? {} : { channel }),
            ...(cursor === undefined ? {} : { cursor }),
          },
        },
      }),
    ),
  );
  function changed() {
    setLifting(null);
    void queries.invalidateQueries({ queryKey: ["suppressions"] });
  }
  const lift: Column<Suppression> = {
    key: "lift",
    title: words.lift,
    head: <span className="spoken">{words.lift}</span>,
    cell: (row) => (
      <Button variant="default" size="compact-xs" onClick={() => setLifting(row)}>
        {words.lift}
      </Button>
    ),
  };
  const filtered = Object.values(filters).some((value) => value !== "");
  return (
    <Page
      title={words.title}
      line={words.line}
      actions={
        <>
          {mayLift && (
            <Button component="a" href="/v1/suppressions/export" download variant="default">
              {words.download}
            </Button>
          )}
          {mayAdd && (
            <>
              <LinkButton to="~/imports/new?what=suppressions">{words.importMany}</LinkButton>
              <Button variant="default" onClick={() => setAsked("add")}>
                {words.add}
              </Button>
            </>
          )}
        </>
      }
    >
      <FilterBar
        filters={[
          { name: "address", label: words.address, width: 240 },
          {
            name: "channel",
            label: words.channel,
            options: CHANNELS.map((each) => [each, words.channels[each]] as const),
          },
          {
            name: "reason",
            label: words.reason,
            suggestions: Object.keys(words.reasons),
          },
        ]}
      />
      <Listing
        label={words.title}
        query={list}
        columns={mayLift ? [...COLUMNS, lift] : COLUMNS}
        rowKey={(row) => `${row.channel} ${row.address_hash}`}
        empty={
          filters.address !== ""
            ? words.notSuppressed(filters.address)
            : filtered
              ? words.noneFound
              : words.none
        }
      />
      {asked === "add" && mayAdd && (
        <AddDialog
          onDone={(address) => {
            changed();
            change({ address, channel: null, reason: null, do: null });
          }}
          onClose={() => setAsked(null)}
        />
      )}
      {lifting !== null && (
        <LiftDialog
          suppression={lifting}
          address={filters.address}
          onDone={changed}
          onClose={() => setLifting(null)}
        />
      )}
    </Page>
  );
}
