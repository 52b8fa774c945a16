import { Anchor } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { lazy, Suspense } from "react";
import { answerOf, api } from "@/api/client";
import type { Model } from "@/api/models";
import { isNotFound } from "@/api/problems";
import { useSession } from "@/api/session";
import { CopyableId } from "@/components/CopyableId";
import { FactLine } from "@/components/FactLine";
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

const StandingGraph = lazy(() =>
  import("@/contacts/StandingGraph").then((module) => ({ default: module.StandingGraph })),
);

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
      <Section title={texts.contacts.standing.open}>
        <Suspense fallback={<LoadingLine />}>
          <StandingGraph id={run.id} linked={false} />
        </Suspense>
      </Section>
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
  const temporal = useTemporalLink(run.id);
  const ended = run.reason === null ? run.outcome : `${run.outcome} (${run.reason})`;
  return (
    <FactLine
      facts={[
        { name: words.state, value: <StateBadge state={run.state} /> },
        ended !== null && { name: words.outcome, value: ended },
        { name: words.journey, value: <ObjectLink place="journeys" id={run.journey} /> },
        { name: words.version, value: run.version },
        { name: words.contact, value: <ObjectLink place="contacts" id={run.contact} /> },
        { name: words.started, value: <Instant at={run.started_at} /> },
        run.ended_at !== null && { name: words.ended, value: <Instant at={run.ended_at} /> },
        run.goal !== null && { name: words.goal, value: <Goal goal={run.goal} /> },
        temporal !== null && {
          name: words.workflow,
          value: (
            <Anchor href={temporal} target="_blank" rel="noreferrer" inherit>
              {words.temporal}
            </Anchor>
          ),
        },
        { name: words.run, value: <CopyableId id={run.id} /> },
      ]}
    />
  );
}

function Goal({ goal }: { goal: NonNullable<RunDetail["goal"]> }) {
  if (goal.met_at === null) {
    return words.goalNot;
  }
  return (
    <>
      {words.goalMet} <Instant at={goal.met_at} />
      {goal.value !== null && `, ${words.value(goal.value)}`}
    </>
  );
}

/** The address of the run's workflow in Temporal's UI; null without one. */
function useTemporalLink(run: string): string | null {
  const { temporal_ui } = useSession();
  const found = useQuery({
    queryKey: ["temporal", run],
    queryFn: () => answerOf(api.GET("/v1/temporal", { params: { query: { run, ended: true } } })),
    enabled: temporal_ui !== null,
    staleTime: Number.POSITIVE_INFINITY,
  });
  return found.data?.url ?? null;
}
