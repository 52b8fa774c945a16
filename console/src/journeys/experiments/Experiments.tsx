import { Button, Group, Text, Title } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { answerOf, api } from "@/api/client";
import type { Model } from "@/api/models";
import { Choice } from "@/components/Choice";
import { csvOf, saveFile } from "@/components/csv";
import { useAddressChange, useFilters } from "@/components/filters";
import { LoadingLine } from "@/components/LoadingLine";
import { ProblemNotice } from "@/components/ProblemNotice";
import { Section } from "@/components/Section";
import { localTime } from "@/components/times";
import { texts } from "@/texts";
import { ArmTable } from "./ArmTable";
import { armRows, type Experiment, liftWords, shownWords, writer } from "./arms";
import { IntervalChart } from "./IntervalChart";
import { probability, rate } from "./numbers";
import { VerdictLine } from "./Verdict";

const words = texts.experiments;
const REFRESH = 30_000;
const FILTERS = ["metric", "control", "detect"] as const;
const DETECTED = ["0.02", "0.05", "0.1", "0.2", "0.5"];

type Metric = Model<"MetricBody">["name"];
type Split = Model<"ListedSplit">;

interface ExperimentsProps {
  journey: string;
  version?: number | undefined;
}

/** The splits of a journey as experiments; nothing at all if it has none. */
export function Experiments({ journey, version }: ExperimentsProps) {
  const splits = useQuery({
    queryKey: ["experiments", journey, version ?? null],
    queryFn: () =>
      answerOf(
        api.GET("/v1/journeys/{key}/experiments", {
          params: { path: { key: journey }, query: { limit: 500, ...given(version) } },
        }),
      ),
  });
  if (splits.isError) {
    return <ProblemNotice error={splits.error} retry={() => splits.refetch()} />;
  }
  const items = splits.data?.items ?? [];
  if (items.length === 0) {
    return null;
  }
  return (
    <Section title={words.title} actions={<Comparing splits={items} />}>
      {items.map((split) => (
        <OneExperiment key={split.step} journey={journey} split={split} version={version} />
      ))}
    </Section>
  );
}

function given(version: number | undefined) {
  return version === undefined ? {} : { version };
}

/** By what, with what and how finely arms are compared, as it stands in the address. */
function Comparing({ splits }: { splits: readonly Split[] }) {
  const chosen = useFilters(FILTERS);
  const change = useAddressChange();
  const arms = [...new Set(splits.flatMap((split) => split.arms.map((arm) => arm.name)))];
  return (
    <Group gap="sm">
      <Choice
        label={words.metric}
        any={words.usualMetric}
        value={chosen.metric}
        options={Object.entries(words.metrics).map(([value, label]) => ({ value, label }))}
        onChange={(metric) => change({ metric })}
      />
      <Choice
        label={words.control}
        any={words.usualControl}
        value={chosen.control}
        options={arms}
        onChange={(control) => change({ control })}
      />
      <Choice
        label={words.detect}
        any={words.detects("10%")}
        value={chosen.detect}
        options={DETECTED.filter((each) => each !== "0.1").map((value) => ({
          value,
          label: words.detects(rate(Number(value))),
        }))}
        onChange={(detect) => change({ detect })}
      />
    </Group>
  );
}

interface OneExperimentProps {
  journey: string;
  split: Split;
  version: number | undefined;
}

function OneExperiment({ journey, split, version }: OneExperimentProps) {
  const chosen = useFilters(FILTERS);
  const control = split.arms.some((arm) => arm.name === chosen.control) ? chosen.control : "";
  const query = {
    ...given(version),
    ...(chosen.metric === "" ? {} : { metric: chosen.metric as Metric }),
    ...(control === "" ? {} : { control }),
    ...(chosen.detect === "" ? {} : { detect: Number(chosen.detect) }),
  };
  const found = useQuery({
    queryKey: ["experiment", journey, split.step, query],
    queryFn: () =>
      answerOf(
        api.GET("/v1/journeys/{key}/experiments/{step}", {
          params: { path: { key: journey, step: split.step }, query },
        }),
      ),
    refetchInterval: REFRESH,
    placeholderData: (before) => before,
  });
  return (
    <section aria-label={words.of(split.step)}>
      <Title order={3} mt="md">
        {words.of(split.step)}
      </Title>
      {found.data === undefined ? (
        found.isError ? (
          <ProblemNotice error={found.error} />
        ) : (
          <LoadingLine />
        )
      ) : (
        <Found experiment={found.data} />
      )}
    </section>
  );
}

function Found({ experiment }: { experiment: Experiment }) {
  const rows = armRows(experiment);
  const written = writer(experiment);
  const charted = rows.filter((row) => row.level !== null);
  const { needed, sample_ratio: ratio } = experiment;
  return (
    <>
      <VerdictLine
        verdict={experiment.verdict}
        said={experiment.words}
        more={experiment.more_contacts}
      />
      {charted.length > 0 && (
        <IntervalChart
          label={words.chart(
            charted.map((row) => `${row.arm.name} ${written(row.level ?? 0)}`).join(", "),
          )}
          rows={charted.map((row) => ({
            name: row.arm.name,
            value: row.level,
            interval: row.interval,
            marked: row.arm.name === experiment.winner,
          }))}
          written={written}
        />
      )}
      <ArmTable experiment={experiment} rows={rows} />
      <Group justify="space-between" align="start" mt="xs">
        <Text size="sm" className="quiet" component="div">
          {ratio.p_value !== null && (
            <div>{ratio.mismatch ? words.ratioWrong(probability(ratio.p_value)) : words.ratio}</div>
          )}
          {needed !== null && experiment.verdict !== "winner" && (
            <div>{words.needed(needed.contacts, rate(needed.detect))}</div>
          )}
          {experiment.notes.map((note) => (
            <div key={note}>{note.replaceAll("`", "")}</div>
          ))}
          <div>
            {words.method(experiment.method.name, rate(experiment.method.level))}{" "}
            {words.counted(
              localTime(new Date(experiment.counted_at)),
              experiment.versions.join(", "),
            )}
          </div>
        </Text>
        <Button variant="default" onClick={() => download(experiment)}>
          {words.downloadNamed(experiment.step)}
        </Button>
      </Group>
    </>
  );
}

function download(experiment: Experiment) {
  const head = [
    words.arm,
    words.contacts,
    experiment.metric.name,
    words.rate,
    "low",
    "high",
    words.lift,
    words.anyDay,
    words.oneLook,
    words.confidence,
  ];
  const rows = armRows(experiment).map((row) => [
    row.arm.name,
    row.arm.contacts,
    row.results ?? "",
    row.level ?? "",
    row.interval?.low ?? "",
    row.interval?.high ?? "",
    row.compared?.lift ?? "",
    row.compared?.sequential?.corrected_p_value ?? "",
    row.compared?.fixed_horizon?.corrected_p_value ?? "",
    [shownWords(row), liftWords(row)?.interval].filter(Boolean).join("; "),
  ]);
  saveFile(`${experiment.journey}-${experiment.step}.csv`, csvOf([head, ...rows]));
}
