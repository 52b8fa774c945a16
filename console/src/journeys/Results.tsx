import { Group, TextInput, Title } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { answerOf, api } from "@/api/client";
import { Choice } from "@/components/Choice";
import { FigureLine } from "@/components/FigureLine";
import { figure } from "@/components/figures";
import { useFilter } from "@/components/filters";
import { LoadingLine } from "@/components/LoadingLine";
import { ProblemNotice } from "@/components/ProblemNotice";
import { texts } from "@/texts";
import { CountTable } from "./CountTable";
import { EntriesByDay } from "./EntriesByDay";
import { useVersions } from "./journey";
import { StepTable } from "./StepTable";

const words = texts.journeys.results;

/** The period, the version and the cohort in the address of the page. */
function useWindow() {
  const [version, setVersion] = useFilter("version");
  const [from, setFrom] = useFilter("from");
  const [to, setTo] = useFilter("to");
  const [cohort, setCohort] = useFilter("cohort");
  const query = {
    ...(version === "" ? {} : { version: Number(version) }),
    ...(from === "" ? {} : { from }),
    ...(to === "" ? {} : { to }),
    ...(cohort === "entered" ? { cohort: "entered" as const } : {}),
  };
  return { version, setVersion, from, setFrom, to, setTo, cohort, setCohort, query };
}

/** How a journey and each of its steps performed. */
export function Results({ journey }: { journey: string }) {
  const { query, ...chosen } = useWindow();
  const versions = useVersions(journey);
  const stats = useQuery({
    queryKey: ["stats", journey, query],
    queryFn: () =>
      answerOf(api.GET("/v1/journeys/{key}/stats", { params: { path: { key: journey }, query } })),
    refetchInterval: 5_000,
    placeholderData: (before) => before,
  });
  return (
    <>
      <Group gap="sm" mb="md">
        <Choice
          label={words.version}
          any={words.allVersions}
          value={chosen.version}
          options={versions.data?.items.map((row) => String(row.version)) ?? []}
          onChange={chosen.setVersion}
        />
        <TextInput
          type="date"
          aria-label={words.from}
          title={words.from}
          value={chosen.from}
          onChange={(event) => chosen.setFrom(event.currentTarget.value)}
        />
        <TextInput
          type="date"
          aria-label={words.to}
          title={words.to}
          value={chosen.to}
          onChange={(event) => chosen.setTo(event.currentTarget.value)}
        />
        <Choice
          label={words.cohort}
          any={words.cohorts.occurrence}
          value={chosen.cohort}
          options={[{ value: "entered", label: words.cohorts.entered }]}
          onChange={chosen.setCohort}
        />
      </Group>
      {stats.isError && <ProblemNotice error={stats.error} retry={() => stats.refetch()} />}
      {stats.data === undefined ? (
        !stats.isError && <LoadingLine />
      ) : (
        <>
          <FigureLine
            figures={[
              { name: words.entered, value: figure(stats.data.entered) },
              { name: words.inside, value: figure(stats.data.active) },
              { name: words.goal, value: figure(stats.data.goal.met) },
              { name: words.value, value: figure(stats.data.goal.value) },
            ]}
          />
          <EntriesByDay journey={journey} query={query} />
          <Title order={2} mt="lg" mb="xs">
            {words.steps}
          </Title>
          <StepTable steps={stats.data.steps} />
          <CountTable
            title={words.ends}
            name={words.outcome}
            count={words.runs}
            counts={stats.data.ends}
          />
          <CountTable
            title={words.refusals}
            name={words.reason}
            count={words.runs}
            counts={stats.data.refused}
          />
        </>
      )}
    </>
  );
}
