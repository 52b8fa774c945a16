import { Button, TextInput } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { Link } from "wouter";
import { answerOf, api } from "@/api/client";
import type { Model } from "@/api/models";
import { useMay } from "@/api/session";
import { CommandLine } from "@/components/CommandLine";
import { type Column, DataTable } from "@/components/DataTable";
import { figure } from "@/components/figures";
import { useFilter } from "@/components/filters";
import { Instant } from "@/components/Instant";
import { LoadingLine } from "@/components/LoadingLine";
import { Page } from "@/components/Page";
import { PlaceLink } from "@/components/PlaceLink";
import { ProblemNotice } from "@/components/ProblemNotice";
import { StateBadge } from "@/components/StateBadge";
import { texts } from "@/texts";
import { BegunJourneys } from "./BegunJourneys";

const words = texts.journeys;

type Summary = Model<"JourneySummary">;

const COLUMNS: readonly Column<Summary>[] = [
  {
    key: "name",
    title: words.name,
    cell: (row) => (
      <PlaceLink to={`/${encodeURIComponent(row.key)}`}>{row.name ?? row.key}</PlaceLink>
    ),
  },
  { key: "state", title: words.state, cell: (row) => <StateBadge state={row.state} /> },
  {
    key: "live",
    title: words.live,
    number: true,
    cell: (row) => row.active_version ?? texts.parts.none,
  },
  { key: "newest", title: words.newest, number: true, cell: (row) => row.version },
  {
    key: "changed",
    title: words.changed,
    number: true,
    cell: (row) => <Instant at={row.updated_at} relative />,
  },
];

type Day = Model<"JourneyDayBody">;

const NO_DAYS: readonly Day[] = [];

/** The columns of what the page of today says of the journeys. */
function figureColumns(days: readonly Day[]): readonly Column<Summary>[] {
  const found = new Map(days.map((day) => [day.journey, day]));
  return [
    {
      key: "inside",
      title: words.inside,
      number: true,
      cell: ({ key }) => {
        const count = found.get(key)?.active ?? 0;
        const to = `/${encodeURIComponent(key)}/people?state=active`;
        return count === 0 ? figure(0) : <PlaceLink to={to}>{figure(count)}</PlaceLink>;
      },
    },
    {
      key: "entered",
      title: words.enteredToday,
      number: true,
      cell: ({ key }) => figure(found.get(key)?.entered ?? 0),
    },
  ];
}

async function readAll(): Promise<Summary[]> {
  const found: Summary[] = [];
  let cursor: string | undefined;
  do {
    const query = { limit: 500, ...(cursor === undefined ? {} : { cursor }) };
    const page = await answerOf(api.GET("/v1/journeys", { params: { query } }));
    found.push(...page.items);
    cursor = page.next ?? undefined;
  } while (cursor !== undefined);
  return found;
}

function holds(row: Summary, text: string): boolean {
  return `${row.key} ${row.name ?? ""}`.toLowerCase().includes(text.toLowerCase());
}

/** All journeys, found by a part of their name. */
export function JourneyList() {
  const mayEdit = useMay("edit");
  const [find, setFind] = useFilter("q");
  const journeys = useQuery({ queryKey: ["journeys"], queryFn: readAll, refetchInterval: 10_000 });
  const mayRead = useMay("read");
  const today = useQuery({
    queryKey: ["dashboard", ""],
    queryFn: () => answerOf(api.GET("/v1/dashboard", { params: { query: {} } })),
    enabled: mayRead,
    refetchInterval: 10_000,
  });
  const columns = useMemo(
    () => (mayRead ? [...COLUMNS, ...figureColumns(today.data?.journeys ?? NO_DAYS)] : COLUMNS),
    [mayRead, today.data],
  );
  const shown = journeys.data?.filter((row) => holds(row, find)) ?? [];
  return (
    <Page
      title={words.title}
      actions={
        <>
          <TextInput
            type="search"
            placeholder={words.find}
            aria-label={words.find}
            value={find}
            onChange={(event) => setFind(event.currentTarget.value)}
          />
          {mayEdit && (
            <Button component={Link} to="/new" size="sm">
              {texts.starting.open}
            </Button>
          )}
        </>
      }
    >
      {journeys.isError && (
        <ProblemNotice error={journeys.error} retry={() => journeys.refetch()} />
      )}
      {journeys.data === undefined ? (
        !journeys.isError && <LoadingLine />
      ) : (
        <DataTable
          label={words.title}
          columns={columns}
          rows={shown}
          rowKey={(row) => row.key}
          empty={
            journeys.data.length > 0 ? (
              words.noneFound
            ) : (
              <>
                {words.empty} <CommandLine command={words.emptyCommand} />
              </>
            )
          }
        />
      )}
      <BegunJourneys />
    </Page>
  );
}
