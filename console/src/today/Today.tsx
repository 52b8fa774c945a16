import { Stack, TextInput } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { answerOf, api } from "@/api/client";
import type { Model } from "@/api/models";
import { useMay } from "@/api/session";
import { withQuery } from "@/components/addresses";
import { CommandLine } from "@/components/CommandLine";
import { type Column, DataTable } from "@/components/DataTable";
import { FigureLine } from "@/components/FigureLine";
import { figure } from "@/components/figures";
import { useFilter } from "@/components/filters";
import { LinkButton } from "@/components/LinkButton";
import { LoadingLine } from "@/components/LoadingLine";
import { ObjectLink } from "@/components/ObjectLink";
import { Page } from "@/components/Page";
import { PlaceLink } from "@/components/PlaceLink";
import { ProblemNotice } from "@/components/ProblemNotice";
import { StateBadge } from "@/components/StateBadge";
import { texts } from "@/texts";
import { Trend } from "./Trend";

const words = texts.today;
const REFRESH = 5_000;

type Dashboard = Model<"DashboardBody">;
type JourneyDay = Model<"JourneyDayBody">;

/** A figure of a journey that leads to the people or the messages it counts. */
function listed(
  row: JourneyDay,
  tab: "people" | "messages",
  count: number,
  query: Readonly<Record<string, string>>,
) {
  const path = `~/journeys/${encodeURIComponent(row.journey)}/${tab}`;
  return count === 0 ? (
    figure(0)
  ) : (
    <PlaceLink to={withQuery(path, query)}>{figure(count)}</PlaceLink>
  );
}

function people(row: JourneyDay, count: number, query: Readonly<Record<string, string>>) {
  return listed(row, "people", count, query);
}

const COLUMNS: readonly Column<JourneyDay>[] = [
  {
    key: "journey",
    title: words.journey,
    cell: (row) => <ObjectLink place="journeys" id={row.journey} />,
  },
  { key: "state", title: words.state, cell: (row) => <StateBadge state={row.state} /> },
  {
    key: "active",
    title: words.active,
    number: true,
    cell: (row) => people(row, row.active, { state: "active" }),
  },
  {
    key: "waiting",
    title: words.waiting,
    number: true,
    cell: (row) => people(row, row.waiting, { state: "active" }),
  },
  {
    key: "deferred",
    title: words.deferred,
    number: true,
    cell: (row) => people(row, row.deferred, { state: "active" }),
  },
  {
    key: "retrying",
    title: words.retrying,
    number: true,
    cell: (row) => people(row, row.retrying, { state: "active", held: "retry" }),
  },
  {
    key: "entered",
    title: words.entered,
    number: true,
    cell: (row) => listed(row, "people", row.entered, {}),
  },
  {
    key: "ended",
    title: words.ended,
    number: true,
    cell: (row) => people(row, row.ended, { state: "ended" }),
  },
  {
    key: "sent",
    title: words.sent,
    number: true,
    cell: (row) => listed(row, "messages", sentOf(row), {}),
  },
  { key: "trend", title: words.trend, number: true, cell: (row) => <Trend days={row.trend} /> },
];

function sentOf(row: JourneyDay): number {
  return Object.values(row.messages).reduce((sum, count) => sum + count, 0);
}

function figuresOf(day: Dashboard) {
  return [
    {
      name: words.inJourneys,
      value:
        day.contacts_in_journeys === 0 ? (
          figure(0)
        ) : (
          <PlaceLink to="~/runs?state=active">{figure(day.contacts_in_journeys)}</PlaceLink>
        ),
    },
    { name: words.targeted, value: figure(day.targeted_contacts) },
    { name: words.email, value: figure(day.messages.email ?? 0) },
    { name: words.sms, value: figure(day.messages.sms ?? 0) },
    { name: words.entered, value: figure(day.entered) },
    { name: words.ended, value: figure(day.ended) },
    { name: words.goals, value: figure(day.goals) },
    { name: words.refused, value: figure(day.refused) },
  ];
}

/** The way to the first journey, here or by the command line. */
function NoJourney() {
  const mayEdit = useMay("edit");
  return (
    <Stack gap="md" align="start">
      {words.empty}
      {mayEdit && (
        <LinkButton to="~/journeys/new" filled>
          {texts.starting.open}
        </LinkButton>
      )}
      <div>
        {words.byCommand} <CommandLine command={words.emptyCommand} />
      </div>
    </Stack>
  );
}

/** The figures of a day, and each journey in it. */
export function Today() {
  const [day, setDay] = useFilter("day");
  const dashboard = useQuery({
    queryKey: ["dashboard", day],
    queryFn: () =>
      answerOf(api.GET("/v1/dashboard", { params: { query: day === "" ? {} : { day } } })),
    refetchInterval: REFRESH,
    placeholderData: (before) => before,
  });
  return (
    <Page
      title={words.title}
      line={dashboard.data && `${dashboard.data.day} · ${words.zone(dashboard.data.timezone)}`}
      actions={
        <TextInput
          type="date"
          aria-label={words.day}
          value={day || (dashboard.data?.day ?? "")}
          onChange={(event) => setDay(event.currentTarget.value)}
        />
      }
    >
      {dashboard.isError && (
        <ProblemNotice error={dashboard.error} retry={() => dashboard.refetch()} />
      )}
      {dashboard.data === undefined ? (
        !dashboard.isError && <LoadingLine />
      ) : (
        <>
          <FigureLine figures={figuresOf(dashboard.data)} />
          <DataTable
            label={words.journeys}
            columns={COLUMNS}
            rows={dashboard.data.journeys}
            rowKey={(row) => row.journey}
            empty={<NoJourney />}
          />
        </>
      )}
    </Page>
  );
}
