import { Button, Group, Text, Title } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { answerOf, api } from "@/api/client";
import type { Model } from "@/api/models";
import { csvOf, saveFile } from "@/components/csv";
import { type Column, DataTable } from "@/components/DataTable";
import { figure } from "@/components/figures";
import { LoadingLine } from "@/components/LoadingLine";
import { ProblemNotice } from "@/components/ProblemNotice";
import { Section } from "@/components/Section";
import { StateBadge } from "@/components/StateBadge";
import { texts } from "@/texts";
import { IntervalChart } from "./IntervalChart";
import { between, confidence, difference, lift, probability, rate } from "./numbers";
import { VerdictLine } from "./Verdict";

const words = texts.experiments;
const { none } = texts.parts;
const REFRESH = 60_000;
const MOST = 500;

type Results = Model<"Results">;
type Compared = Results["whole"];

/** Whether a holdout is about a journey, by its document. */
export function isAbout(document: Readonly<Record<string, unknown>>, journey: string): boolean {
  const { journeys } = document;
  return Array.isArray(journeys)
    ? journeys.includes(journey)
    : journeys === undefined || journeys === "all";
}

/** What the holdouts say that keep contacts out of a journey; nothing if there are none. */
export function Holdouts({ journey }: { journey: string }) {
  const holdouts = useQuery({
    queryKey: ["holdouts", "documents"],
    queryFn: () => answerOf(api.GET("/v1/holdouts", { params: { query: { limit: MOST } } })),
    staleTime: REFRESH,
  });
  if (holdouts.isError) {
    return <ProblemNotice error={holdouts.error} retry={() => holdouts.refetch()} />;
  }
  const about = (holdouts.data?.items ?? []).filter((each) => isAbout(each.document, journey));
  if (about.length === 0) {
    return null;
  }
  return (
    <Section title={words.holdouts}>
      {about.map((each) => (
        <Holdout key={each.key} holdout={each.key} journey={journey} />
      ))}
    </Section>
  );
}

interface HoldoutProps {
  holdout: string;
  /** The journey whose comparison comes first; all are shown without one. */
  journey?: string;
}

/** The lift of journeys, by those whom a holdout keeps out. */
export function Holdout({ holdout, journey }: HoldoutProps) {
  const found = useQuery({
    queryKey: ["holdout", holdout, "results"],
    queryFn: () =>
      answerOf(api.GET("/v1/holdouts/{key}/results", { params: { path: { key: holdout } } })),
    refetchInterval: REFRESH,
  });
  if (found.data === undefined) {
    return found.isError ? <ProblemNotice error={found.error} /> : <LoadingLine />;
  }
  const { whole, journeys, share, state } = found.data;
  const own = journeys.filter((each) => journey === undefined || each.journey === journey);
  const rows = [whole, ...own];
  const first = journey === undefined ? whole : (own[0] ?? whole);
  return (
    <section aria-label={words.holdout(holdout, share)}>
      <Group gap="sm" mt="md">
        <Title order={3}>{words.holdout(holdout, share)}</Title>
        <StateBadge state={state.replaceAll("_", " ")} />
      </Group>
      <VerdictLine verdict={first.verdict} said={first.words} more={first.more_contacts} />
      {first.entered.rate !== null && first.held_out.rate !== null && (
        <IntervalChart
          label={words.chart(
            `${words.entered} ${rate(first.entered.rate)}, ${words.heldOut} ${rate(first.held_out.rate)}`,
          )}
          rows={[
            {
              name: words.entered,
              value: first.entered.rate,
              interval: first.entered.interval,
              marked: first.better === "entered",
            },
            {
              name: words.heldOut,
              value: first.held_out.rate,
              interval: first.held_out.interval,
              marked: first.better === "held_out",
            },
          ]}
          written={rate}
        />
      )}
      <DataTable
        label={words.holdout(holdout, share)}
        columns={COLUMNS}
        rows={rows}
        rowKey={(row) => row.journey ?? ""}
      />
      <Group justify="space-between" mt="xs">
        <Text size="sm" className="quiet">
          {words.open(first.entered.open + first.held_out.open)}
        </Text>
        <Button variant="default" onClick={() => download(found.data)}>
          {words.downloadNamed(holdout)}
        </Button>
      </Group>
    </section>
  );
}

function rateCell({ rate: value, interval }: Compared["entered"]) {
  return value === null ? (
    none
  ) : (
    <>
      {rate(value)}
      <div className="quiet">{between(interval, rate)}</div>
    </>
  );
}

function shown(row: Compared): string {
  const verdict = words.verdicts[row.verdict];
  return row.sequential === null
    ? verdict
    : `${verdict}, ${words.sure(confidence(row.sequential.p_value))}`;
}

const COLUMNS: readonly Column<Compared>[] = [
  { key: "who", title: words.who, cell: (row) => row.journey ?? words.allJourneys },
  {
    key: "entered",
    title: words.entered,
    number: true,
    cell: (row) => figure(row.entered.contacts),
  },
  {
    key: "held",
    title: words.heldOut,
    number: true,
    cell: (row) => figure(row.held_out.contacts),
  },
  { key: "rate", title: words.enteredRate, number: true, cell: (row) => rateCell(row.entered) },
  { key: "other", title: words.heldOutRate, number: true, cell: (row) => rateCell(row.held_out) },
  {
    key: "lift",
    title: words.lift,
    number: true,
    cell: (row) => (row.lift === null ? none : lift(row.lift)),
  },
  {
    key: "added",
    title: words.added,
    number: true,
    cell: (row) => (row.added_goals === null ? none : difference(row.added_goals)),
  },
  {
    key: "any",
    title: words.anyDay,
    number: true,
    cell: (row) => (row.sequential === null ? none : probability(row.sequential.p_value)),
  },
  {
    key: "one",
    title: words.oneLook,
    number: true,
    cell: (row) => (row.fixed_horizon === null ? none : probability(row.fixed_horizon.p_value)),
  },
  { key: "verdict", title: words.verdict, cell: shown },
];

function download(results: Results) {
  const head = [
    words.who,
    words.entered,
    words.heldOut,
    words.enteredRate,
    words.heldOutRate,
    words.lift,
    words.added,
    words.anyDay,
    words.oneLook,
    words.verdict,
  ];
  const rows = [results.whole, ...results.journeys].map((row) => [
    row.journey ?? words.allJourneys,
    row.entered.contacts,
    row.held_out.contacts,
    row.entered.rate ?? "",
    row.held_out.rate ?? "",
    row.lift ?? "",
    row.added_goals ?? "",
    row.sequential?.p_value ?? "",
    row.fixed_horizon?.p_value ?? "",
    row.words,
  ]);
  saveFile(`${results.holdout}.csv`, csvOf([head, ...rows]));
}
