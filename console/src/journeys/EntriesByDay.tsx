import { Button, Group } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { lazy, Suspense, useMemo } from "react";
import { answerOf, api } from "@/api/client";
import { csvOf, saveFile } from "@/components/csv";
import { texts } from "@/texts";

const words = texts.journeys.results;
const DAYS = 28;
const DAY = 86_400_000;

const TimeChart = lazy(() =>
  import("@/components/TimeChart").then((module) => ({ default: module.TimeChart })),
);

interface EntriesByDayProps {
  journey: string;
  query: { version?: number; from?: string; to?: string };
}

function dayOf(time: Date): string {
  return time.toISOString().slice(0, 10);
}

/** Entries, goals and ends of a journey by day: four weeks, or the period that was chosen. */
export function EntriesByDay({ journey, query }: EntriesByDayProps) {
  const from = query.from ?? dayOf(new Date(Date.now() - DAYS * DAY));
  const stats = useQuery({
    queryKey: ["stats", journey, "day", query, from],
    queryFn: () =>
      answerOf(
        api.GET("/v1/journeys/{key}/stats", {
          params: { path: { key: journey }, query: { ...query, from, by: "day" } },
        }),
      ),
    refetchInterval: 60_000,
  });
  const periods = stats.data?.periods;
  const figures = useMemo(() => {
    const rows = periods ?? [];
    return {
      times: rows.map((row) => new Date(row.begins_at)),
      series: [
        { name: words.entered, values: rows.map((row) => row.entered) },
        { name: words.goal, values: rows.map((row) => row.goal.met) },
      ],
    };
  }, [periods]);
  if (figures.times.length < 2) {
    return null;
  }
  const total = figures.series[0]?.values.reduce((sum, count) => sum + count, 0) ?? 0;
  function download() {
    const head = [words.day, ...figures.series.map((each) => each.name)];
    const rows = figures.times.map((time, index) => [
      time.toISOString(),
      ...figures.series.map((each) => each.values[index] ?? 0),
    ]);
    saveFile(`${journey}-by-day.csv`, csvOf([head, ...rows]));
  }
  return (
    <section aria-label={words.byDay}>
      <Suspense fallback={<div style={{ minHeight: 200 }} />}>
        <TimeChart label={words.chart(total, figures.times.length)} {...figures} />
      </Suspense>
      <Group justify="end">
        <Button variant="default" onClick={download}>
          {words.download}
        </Button>
      </Group>
    </section>
  );
}
