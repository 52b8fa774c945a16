import { Anchor, Group, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { answerOf, api } from "@/api/client";
import type { Model } from "@/api/models";
import { isNotFound } from "@/api/problems";
import { useSession } from "@/api/session";
import { CopyableId } from "@/components/CopyableId";
import { Instant } from "@/components/Instant";
import { LoadingLine } from "@/components/LoadingLine";
import { ObjectLink } from "@/components/ObjectLink";
import { Page } from "@/components/Page";
import { ProblemNotice } from "@/components/ProblemNotice";
import { Section } from "@/components/Section";
import { StateBadge } from "@/components/StateBadge";
import { VisitTimeline } from "@/components/VisitTimeline";
import { texts } from "@/texts";
import { RunRepairs } from "./RunRepairs";
import { Standing } from "./Standing";
import { CameBack, useStatuses } from "./statuses";

const words = texts.runs;
const REFRESH = 2_000;

export type RunDetail = Model<"RunDetail">;

/** One run: where it stands and why, each step it was at, and what can be done. */
export function Run({ id }: { id: string }) {
  const run = useQuery({
    queryKey: ["run", id],
    queryFn: () => answerOf(api.GET("/v1/runs/{run}", { params: { path: { run: id } } })),
    refetchInterval: (query) => (query.state.data?.state === "ended" ? false : REFRESH),
  });
  if (run.data !== undefined) {
    return <Shown run={run.data} />;
  }
  if (run.isError) {
    return (
      <Page title={words.title}>
        {isNotFound(run.error) ? (
          <p>{texts.parts.notFound}</p>
        ) : (
          <ProblemNotice error={run.error} retry={() => run.refetch()} />
        )}
      </Page>
    );
  }
  return <LoadingLine />;
}

function Shown({ run }: { run: RunDetail }) {
  const statuses = useStatuses(run);
  return (
    <Page
      title={words.of(run.journey, run.contact)}
      line={<Facts run={run} />}
      actions={<RunRepairs run={run} />}
    >
      {run.state === "active" && <Standing run={run} />}
      <Section title={words.timeline} line={words.steps(run.visits.length)}>
        <VisitTimeline
          visits={run.visits}
          repairs={run.repairs}
          more={(visit) => <CameBack statuses={statuses.get(visit.message_id ?? "")} />}
        />
      </Section>
    </Page>
  );
}

function Facts({ run }: { run: RunDetail }) {
  return (
    <Group gap="md">
      <StateBadge state={run.state} />
      {run.outcome !== null && (
        <span>
          {run.outcome}
          {run.reason !== null && ` (${run.reason})`}
        </span>
      )}
      <span>
        {words.journey} <ObjectLink place="journeys" id={run.journey} /> {words.inVersion}{" "}
        {run.version}
      </span>
      <span>
        {words.contact} <ObjectLink place="contacts" id={run.contact} />
      </span>
      <span>
        {words.started} <Instant at={run.started_at} />
      </span>
      {run.ended_at !== null && (
        <span>
          {words.ended} <Instant at={run.ended_at} />
        </span>
      )}
      {run.goal !== null && (
        <span>
          {words.goal} {run.goal.met_at === null ? words.goalNot : words.goalMet}{" "}
          {run.goal.met_at !== null && <Instant at={run.goal.met_at} />}{" "}
          {run.goal.value !== null && words.value(run.goal.value)}
        </span>
      )}
      <CopyableId id={run.id} />
      <TemporalLink run={run.id} />
    </Group>
  );
}

/** The run's workflow in Temporal's UI, where there is one. */
function TemporalLink({ run }: { run: string }) {
  const { temporal_ui } = useSession();
  const found = useQuery({
    queryKey: ["temporal", run],
    queryFn: () => answerOf(api.GET("/v1/temporal", { params: { query: { run, ended: true } } })),
    enabled: temporal_ui !== null,
    staleTime: Number.POSITIVE_INFINITY,
  });
  const url = found.data?.url ?? null;
  if (url === null) {
    return null;
  }
  return (
    <Anchor href={url} target="_blank" rel="noreferrer" inherit>
      <Text span inherit>
        {words.temporal}
      </Text>
    </Anchor>
  );
}
