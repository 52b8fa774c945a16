import { Group, Radio, Stack, Text, Title } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { answerOf, api } from "@/api/client";
import type { Model } from "@/api/models";
import { ConfirmPreview } from "@/components/ConfirmPreview";
import { JobProgress } from "@/components/JobProgress";
import { LoadingLine } from "@/components/LoadingLine";
import { type Overdue, OverdueChoice } from "@/components/OverdueChoice";
import { ProblemNotice } from "@/components/ProblemNotice";
import { useDifference } from "@/journeys/differences";
import { texts } from "@/texts";
import { Begun, type Jobs } from "./Begun";
import { InFlight } from "./InFlight";
import { Lines } from "./Lines";
import { type Preview, usePreviewOfJob } from "./plan";

const words = texts.publishing;
const own = texts.journeys.versions;

type Policy = "pin" | "follow";
const POLICIES: readonly Policy[] = ["pin", "follow"];

interface ActivateProps {
  journey: string;
  version: number;
  /** The version that is live now; null if none is. */
  live: number | null;
  onDone: () => void;
  onClose: () => void;
}

/** Says what a version of before would change as the live one, and for whom; then makes it live. */
export function Activate({ journey, version, live, onDone, onClose }: ActivateProps) {
  const [policy, setPolicy] = useState<Policy>("pin");
  const [overdue, setOverdue] = useState<Overdue>("send");
  const [jobs, setJobs] = useState<Jobs | null>(null);
  const params = { path: { key: journey } };
  const body = { version, in_flight: policy, overdue };
  const asked = useQuery({
    queryKey: ["activation", journey, body],
    queryFn: () =>
      answerOf<Preview | Model<"PreviewJob">>(
        api.POST("/v1/journeys/{key}/activate/preview", { params, body }),
      ),
    staleTime: 0,
    retry: false,
    refetchOnWindowFocus: false,
  });
  const job = asked.data !== undefined && "job" in asked.data ? asked.data.job : null;
  const counted = usePreviewOfJob(job);
  const preview = asked.data === undefined || "job" in asked.data ? counted : asked.data;
  const title = own.makeLive(version);
  if (jobs !== null) {
    return <Begun jobs={jobs} title={title} onClose={onDone} />;
  }
  return (
    <ConfirmPreview
      title={title}
      confirm={own.makeLive(version)}
      blocked={preview == null}
      words={
        <Stack gap="xs">
          <Text>{own.liveWords(version)}</Text>
          {live !== null && <Changes journey={journey} before={live} after={version} />}
        </Stack>
      }
      act={() => answerOf(api.POST("/v1/journeys/{key}/activate", { params, body }))}
      onDone={(state) => {
        const begun = { moves: state.job ? [state.job] : [], entries: state.backfills ?? [] };
        if (begun.moves.length + begun.entries.length === 0) {
          onDone();
        } else {
          setJobs(begun);
        }
      }}
      onClose={onClose}
    >
      <Radio.Group
        label={words.policy}
        value={policy}
        onChange={(next) => setPolicy(next === "follow" ? next : "pin")}
      >
        <Group gap="md" mt="xs">
          {POLICIES.map((value) => (
            <Radio key={value} size="xs" value={value} label={words[value]} />
          ))}
        </Group>
      </Radio.Group>
      {policy === "follow" && (
        <OverdueChoice label={words.overdue} value={overdue} onChange={setOverdue} />
      )}
      {asked.isError && <ProblemNotice error={asked.error} />}
      {job !== null && counted === undefined && (
        <div>
          <Text size="sm">{words.counting}</Text>
          <JobProgress id={job} />
        </div>
      )}
      <div aria-live="polite">{preview != null && <InFlight preview={preview} />}</div>
    </ConfirmPreview>
  );
}

interface ChangesProps {
  journey: string;
  before: number;
  after: number;
}

/** What is different from the version that is live now. */
function Changes({ journey, before, after }: ChangesProps) {
  const difference = useDifference(journey, before, after);
  if (difference.data === undefined) {
    return difference.isError ? <ProblemNotice error={difference.error} /> : <LoadingLine />;
  }
  return (
    <>
      <Title order={3}>{own.againstLive(before)}</Title>
      <Lines lines={difference.data.changes.map((change) => change.sentence)} />
    </>
  );
}
