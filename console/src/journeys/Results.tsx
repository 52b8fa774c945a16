import { Box, Group, Title } from "@mantine/core";
import { withQuery } from "@/components/addresses";
import { FigureLine } from "@/components/FigureLine";
import { figure } from "@/components/figures";
import { LoadingLine } from "@/components/LoadingLine";
import { PlaceLink } from "@/components/PlaceLink";
import { ProblemNotice } from "@/components/ProblemNotice";
import { texts } from "@/texts";
import { CountTable } from "./CountTable";
import { Attribution } from "./experiments/Attribution";
import { Experiments } from "./experiments/Experiments";
import { Holdouts } from "./experiments/Holdouts";
import { FiguresOverTime } from "./FiguresOverTime";
import { LiveControl } from "./LiveControl";
import { useLiveStats, useStatsWindow } from "./liveStats";
import { StatsFilters } from "./StatsFilters";
import { StepTable } from "./StepTable";

const words = texts.journeys.results;

/** A figure that leads to the people it counts. */
function people(count: number, query: Readonly<Record<string, string>>) {
  return count === 0 ? (
    figure(0)
  ) : (
    <PlaceLink to={withQuery("/people", query)}>{figure(count)}</PlaceLink>
  );
}

/** How a journey and each of its steps performed. */
export function Results({ journey }: { journey: string }) {
  const chosen = useStatsWindow();
  const query = chosen.window;
  const live = useLiveStats(journey, query);
  const { stats } = live;
  return (
    <>
      <Group gap="md" mb="md" justify="space-between">
        <StatsFilters journey={journey} chosen={chosen} />
        <LiveControl state={live.state} paused={live.paused} onPause={live.setPaused} />
      </Group>
      {live.error !== null && <ProblemNotice error={live.error} retry={live.retry} />}
      {stats === undefined ? (
        live.error === null && <LoadingLine />
      ) : (
        <>
          <FigureLine
            figures={[
              { name: words.entered, value: people(stats.entered, {}) },
              { name: words.inside, value: people(stats.active, { state: "active" }) },
              { name: words.goal, value: people(stats.goal.met, { goal: "met" }) },
              { name: words.value, value: figure(stats.goal.value) },
            ]}
          />
          <FiguresOverTime
            journey={journey}
            query={query}
            steps={stats.steps.map((step) => step.id)}
          />
          <Title order={2} mt="lg" mb="xs">
            {words.steps}
          </Title>
          <Box mb="lg">
            <StepTable journey={journey} steps={stats.steps} />
          </Box>
          <Experiments journey={journey} version={query.version} />
          <Holdouts journey={journey} />
          <CountTable
            title={words.ends}
            name={words.outcome}
            count={words.runs}
            counts={stats.ends}
          />
          <CountTable
            title={words.refusals}
            name={words.reason}
            count={words.runs}
            counts={stats.refused}
            to={`~${withQuery("/log", { types: "refusal", journey })}`}
          />
          <Attribution journey={journey} period={query} />
        </>
      )}
    </>
  );
}
