import { Stack, TextInput } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { answerOf, api } from "@/api/client";
import { useJourneyNames } from "@/api/journeys";
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
import { Notices } from "./Notices";
import { Trend } from "./Trend";

const words = texts.today;
const REFRESH = 5_000;

type Dashboard = Model<"DashboardBody">;
type JourneyDay = Model<"JourneyDayBody">;

/** A number that leads to what it counts; nothing leads to nothing. */
function leading(count: number, to: string) {
  return count === 0 ? figure(0) : <PlaceLink to={`~${to}`}>{figure(count)}</PlaceLink>;
}

function runsOf(row: JourneyDay, count: number, query: Readonly<Record<string, string>>) {
  return leading(count, withQuery("/runs", { journey: row.journey, ...query }));
}

function logOf(row: JourneyDay, count: number, types: string) {
  return leading(count, withQuery("/log", { journey: row.journey, types }));
}

function placeOf(row: JourneyDay, part: string): string {
  return `/journeys/${encodeURIComponent(row.journey)}/${part}`;
}

function columnsOf(names: ReadonlyMap<string, string>): readonly Column<JourneyDay>[] {
  return [
    {
      key: "journey",
      title: words.journey,
      cell: (row) => (
        <ObjectLink place="journeys" id={row.journey}>
          {names.get(row.journey) ?? row.journey}
        </ObjectLink>
      ),
    },
    { key: "state", title: words.state, cell: (row) => <StateBadge state={row.state} /> },
    {
      key: "active",
      title: words.active,
      number: true,
      cell: (row) => runsOf(row, row.active, { state: "active" }),
    },
    {
      key: "waiting",
      title: words.waiting,
      number: true,
      cell: (row) => leading(row.waiting, placeOf(row, "graph")),
    },
    {
      key: "deferred",
      title: words.deferred,
      number: true,
      cell: (row) => leading(row.deferred, placeOf(row, "results")),
    },
    {
      key: "retrying",
      title: words.retrying,
      number: true,
      cell: (row) => runsOf(row, row.retrying, { held: "retry" }),
    },
    {
      key: "entered",
      title: words.entered,
      number: true,
      cell: (row) => logOf(row, row.entered, "entry"),
    },
    {
      key: "ended",
      title: words.ended,
      number: true,
      cell: (row) => logOf(row, row.ended, "end"),
    },
    {
      key: "sent",
      title: words.sent,
      number: true,
      cell: (row) => leading(sentOf(row), placeOf(row, "messages")),
    },
    {
      key: "refused",
      title: words.refused,
      number: true,
      cell: (row) => logOf(row, row.refused, "refusal"),
    },
    { key: "trend", title: words.trend, number: true, cell: (row) => <Trend days={row.trend} /> },
  ];
}

function sentOf(row: JourneyDay): number {
  return Object.values(row.messages).reduce((sum, count) => sum + count, 0);
}

/** The figures of the day, each with the way to what it counts. */
function figuresOf(day: Dashboard) {
  const log = (count: number, types: string) => leading(count, withQuery("/log", { types }));
  const { email = 0, sms = 0, webhook = 0 } = day.messages;
  return [
    { name: words.inJourneys, value: leading(day.contacts_in_journeys, "/runs?state=active") },
    { name: words.targeted, value: log(day.targeted_contacts, "send") },
    { name: words.email, value: log(email, "send") },
    { name: words.sms, value: log(sms, "send") },
    ...(webhook === 0 ? [] : [{ name: words.webhook, value: log(webhook, "send") }]),
    { name: words.entered, value: log(day.entered, "entry") },
    { name: words.ended, value: log(day.ended, "end") },
    { name: words.goals, value: log(day.goals, "goal") },
    { name: words.refused, value: leading(day.refused, "/log/rejected") },
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
  const names = useJourneyNames();
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
          {day === "" && <Notices />}
          <DataTable
            label={words.journeys}
            columns={columnsOf(names)}
            rows={dashboard.data.journeys}
            rowKey={(row) => row.journey}
            empty={<NoJourney />}
          />
        </>
      )}
    </Page>
  );
}
