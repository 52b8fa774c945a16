import { Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { answerOf, api } from "@/api/client";
import type { Model } from "@/api/models";
import { CommandLine } from "@/components/CommandLine";
import { type Column, DataTable } from "@/components/DataTable";
import { figure } from "@/components/figures";
import { Instant } from "@/components/Instant";
import { LoadingLine } from "@/components/LoadingLine";
import { ProblemNotice } from "@/components/ProblemNotice";
import { Section } from "@/components/Section";
import { duration } from "@/components/times";
import { texts } from "@/texts";

const words = texts.health;
const REFRESH = 5_000;

type Lag = Model<"LagBody">;
type Build = Model<"BuildBody">;
type Process = Model<"ProcessBody">;

const LAGS: readonly Column<Lag>[] = [
  { key: "work", title: words.work, cell: (row) => row.words },
  {
    key: "lag",
    title: words.lag,
    number: true,
    cell: (row) => (row.seconds === 0 ? texts.parts.none : duration(row.seconds)),
  },
  { key: "due", title: words.due, number: true, cell: (row) => figure(row.waiting) },
];

const WORKERS: readonly Column<Process>[] = [
  { key: "worker", title: words.worker, cell: (row) => <code>{row.id}</code> },
  { key: "build", title: words.build, cell: (row) => <code>{row.build}</code> },
  { key: "started", title: words.started, cell: (row) => <Instant at={row.started_at} /> },
  { key: "seen", title: words.seen, cell: (row) => <Instant at={row.seen_at} relative /> },
  { key: "lag", title: words.lag, number: true, cell: (row) => duration(row.lag_seconds) },
];

const BUILDS: readonly Column<Build>[] = [
  { key: "build", title: words.build, cell: (row) => <code>{row.build}</code> },
  { key: "check", title: words.check, cell: (row) => checkWords(row) },
  { key: "processes", title: words.processes, number: true, cell: (row) => row.processes },
  {
    key: "notTakenUp",
    title: words.notTakenUp,
    number: true,
    cell: (row) => (row.not_taken_up === null ? texts.parts.none : figure(row.not_taken_up)),
  },
];

function checkWords({ check }: Build): string {
  if (check === null) {
    return words.unchecked;
  }
  return check.safe
    ? words.checkSafe(check.replayed)
    : words.checkBroken(check.broken.reduce((sum, each) => sum + each.runs, 0));
}

/** How far the engine is behind, and who works. */
export function Behind() {
  return (
    <>
      <Lags />
      <Workers />
    </>
  );
}

function Lags() {
  const lag = useQuery({
    queryKey: ["lag"],
    queryFn: () => answerOf(api.GET("/v1/lag")),
    refetchInterval: REFRESH,
  });
  if (lag.data === undefined) {
    return lag.isError ? (
      <ProblemNotice error={lag.error} retry={() => lag.refetch()} />
    ) : (
      <LoadingLine />
    );
  }
  const { seconds, items } = lag.data;
  return (
    <Section
      title={words.dueWork}
      line={seconds === 0 ? words.notBehind : words.behindLine(duration(seconds))}
    >
      <DataTable label={words.dueWork} columns={LAGS} rows={items} rowKey={(row) => row.name} />
    </Section>
  );
}

function Workers() {
  const workers = useQuery({
    queryKey: ["workers"],
    queryFn: () => answerOf(api.GET("/v1/workers")),
    refetchInterval: REFRESH,
  });
  if (workers.data === undefined) {
    return workers.isError ? (
      <ProblemNotice error={workers.error} retry={() => workers.refetch()} />
    ) : (
      <LoadingLine />
    );
  }
  const { builds, processes = [] } = workers.data;
  return (
    <>
      <Section title={words.workers}>
        <DataTable
          label={words.workers}
          columns={WORKERS}
          rows={processes}
          rowKey={(row) => row.id}
          empty={
            <>
              <Text>{words.noWorkers}</Text>
              <CommandLine command={words.noWorkersCommand} />
            </>
          }
        />
      </Section>
      {builds.length > 0 && (
        <Section title={words.builds}>
          <DataTable
            label={words.builds}
            columns={BUILDS}
            rows={builds}
            rowKey={(row) => row.build}
          />
        </Section>
      )}
    </>
  );
}
