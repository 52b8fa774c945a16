import { Button, Group, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { lazy, Suspense, useMemo } from "react";
import { answerOf, api } from "@/api/client";
import { Choice } from "@/components/Choice";
import { csvOf, saveFile } from "@/components/csv";
import { DataTable } from "@/components/DataTable";
import { figure } from "@/components/figures";
import { useFilter } from "@/components/filters";
import { Section } from "@/components/Section";
import { localTime } from "@/components/times";
import { texts } from "@/texts";
import type { StatsWindow } from "./liveStats";
import { type OverTime, overTime, type Part } from "./overTime";

const words = texts.journeys.results;
const DAYS = 28;
const HOURS = 48;
const DAY = 86_400_000;
const HOUR = 3_600_000;
const REFRESH = 60_000;

const TimeChart = lazy(() =>
  import("@/components/TimeChart").then((module) => ({ default: module.TimeChart })),
);

interface FiguresOverTimeProps {
  journey: string;
  query: StatsWindow;
  steps: readonly string[];
}

function beginning(part: Part): string {
  const now = Date.now();
  return part === "day"
    ? new Date(now - DAYS * DAY).toISOString().slice(0, 10)
    : new Date(Math.floor((now - HOURS * HOUR) / HOUR) * HOUR).toISOString();
}

/** Figures by day or hour, of the journey or of a step: a chart, a table, and a file. */
export function FiguresOverTime({ journey, query, steps }: FiguresOverTimeProps) {
  const [chosen, setStep] = useFilter("of");
  const [by, setBy] = useFilter("by");
  const step = steps.includes(chosen) ? chosen : "";
  const part: Part = by === "hour" ? "hour" : "day";
  const from = query.from ?? beginning(part);
  const stats = useQuery({
    queryKey: ["stats", journey, part, query, from],
    queryFn: () =>
      answerOf(
        api.GET("/v1/journeys/{key}/stats", {
          params: { path: { key: journey }, query: { ...query, from, by: part } },
        }),
      ),
    refetchInterval: REFRESH,
    placeholderData: (before) => before,
  });
  const periods = stats.data?.periods;
  const found = useMemo(() => overTime(periods ?? [], step, part), [part, periods, step]);
  return (
    <Section
      title={words.overTime}
      actions={
        <>
          <Choice
            label={words.of}
            any={words.whole}
            value={step}
            options={steps}
            onChange={setStep}
          />
          <Choice
            label={words.by}
            any={words.periods.day}
            value={part === "day" ? "" : part}
            options={[{ value: "hour", label: words.periods.hour }]}
            onChange={setBy}
          />
        </>
      }
    >
      {found.times.length === 0 ? (
        <Text className="quiet">{stats.data !== undefined && words.nothing}</Text>
      ) : (
        <Shown name={`${journey}${step === "" ? "" : `-${step}`}`} found={found} part={part} />
      )}
    </Section>
  );
}

function Shown({ name, found, part }: { name: string; found: OverTime; part: Part }) {
  const { times, series } = found;
  const head = part === "day" ? words.day : words.hour;
  const written = (time: Date) => localTime(time).slice(0, part === "day" ? 10 : 16);
  const rows = times.map((time, index) => ({
    time,
    values: series.map((each) => each.values[index] ?? 0),
  }));
  const sums = series.map(
    (each) => `${each.name} ${figure(each.values.reduce((sum, value) => sum + value, 0))}`,
  );
  function download() {
    const lines = rows.map((row) => [row.time.toISOString(), ...row.values]);
    saveFile(
      `${name}-by-${part}.csv`,
      csvOf([[head, ...series.map((each) => each.name)], ...lines]),
    );
  }
  return (
    <>
      {times.length > 1 && (
        <Suspense fallback={<div style={{ minHeight: 200 }} />}>
          <TimeChart
            label={words.chart(words.overTime, sums.join(", "), times.length)}
            times={times}
            series={series}
          />
        </Suspense>
      )}
      <Group justify="space-between" align="start">
        <details open={times.length === 1}>
          <summary>{words.asTable}</summary>
          <DataTable
            label={words.asTable}
            rows={rows}
            rowKey={(row) => row.time.toISOString()}
            columns={[
              { key: "time", title: head, cell: (row) => written(row.time) },
              ...series.map((each, place) => ({
                key: each.name,
                title: each.name,
                number: true,
                cell: (row: (typeof rows)[number]) => figure(row.values[place] ?? 0),
              })),
            ]}
          />
        </details>
        <Button variant="default" onClick={download}>
          {words.download}
        </Button>
      </Group>
    </>
  );
}
