import { Group, Radio, Stack, Text } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { useMemo, useState } from "react";
import { answerOf, api } from "@/api/client";
import type { Model } from "@/api/models";
import { ConfirmPreview } from "@/components/ConfirmPreview";
import { JobProgress } from "@/components/JobProgress";
import { LoadingLine } from "@/components/LoadingLine";
import { type Overdue, OverdueChoice } from "@/components/OverdueChoice";
import { RefusedText } from "@/components/RefusedText";
import { texts } from "@/texts";
import { Begun, type Jobs } from "./Begun";
import { InFlight } from "./InFlight";
import { MapRuns, type StepMap } from "./MapRuns";
import { leftSteps, suggestions, targetsOf, usable } from "./mapping";
import { PlanOf } from "./PlanOf";
import { type Folder, usePlan, usePreviewOfJob } from "./plan";

const words = texts.publishing;
/** Milliseconds after the last change of the map until its effect is counted. */
const PAUSE = 300;
const NO_STANDING: Model<"Standing">[] = [];

type Policy = "pin" | "follow" | "map";
const POLICIES: readonly Policy[] = ["pin", "follow", "map"];

interface PublishProps {
  journey: string;
  text: string;
  /** The text that is live or saved now; empty if there is none. */
  before: string;
  onDone: () => void;
  onClose: () => void;
}

/** Says what publishing a text would change, and for whom; then makes it live. */
export function Publish({ journey, text, before, onDone, onClose }: PublishProps) {
  const [policy, setPolicy] = useState<Policy>("pin");
  const [overdue, setOverdue] = useState<Overdue>("send");
  const [drawn, setDrawn] = useState<StepMap>({});
  const [jobs, setJobs] = useState<Jobs | null>(null);
  const folder = (inFlight: Folder["in_flight"]): Folder => ({
    documents: [{ filename: `${journey}.yaml`, source: text }],
    in_flight: inFlight,
    overdue,
  });
  const targets = useMemo(() => targetsOf(text, before, journey), [before, journey, text]);
  // The steps to map from are those that `follow` leaves behind, mapped by now or not.
  const following = usePlan(folder("follow"), policy === "map");
  const followed = following.data?.documents.find((each) => each.kind === "journey");
  const left = useMemo(
    () =>
      leftSteps(
        followed?.runs ?? NO_STANDING,
        followed?.in_flight?.stays ?? [],
        followed?.version ?? 0,
        targets,
      ),
    [followed, targets],
  );
  const wanted = useMemo(() => usable(drawn, left, targets), [drawn, left, targets]);
  const [map] = useDebouncedValue(wanted, PAUSE);
  const mapped = Object.keys(map).length > 0 ? { map: { ...map } } : "follow";
  const body = folder(policy === "map" ? mapped : policy);
  const plan = usePlan(body);
  const documents = plan.data?.documents ?? [];
  const document = documents.find((each) => each.kind === "journey" && each.key === journey);
  const counted = usePreviewOfJob(document?.preview_job ?? null);
  const preview = document?.in_flight ?? counted;
  const unchanged = documents.length > 0 && documents.every((each) => each.change === "unchanged");
  const others = document?.runs.some((each) => each.version !== document.version) ?? false;
  const ready = plan.data !== undefined && !plan.isPlaceholderData && preview !== undefined;

  if (jobs !== null) {
    return <Begun jobs={jobs} title={words.title(journey)} onClose={onDone} />;
  }
  return (
    <ConfirmPreview
      title={words.title(journey)}
      size={policy === "map" ? "60rem" : "lg"}
      confirm={words.confirm}
      blocked={!ready || map !== wanted || unchanged}
      act={() => answerOf(api.POST("/v1/apply", { body }))}
      onDone={(applied) => {
        const begun = jobsOf(applied);
        if (begun.moves.length + begun.entries.length === 0) {
          onDone();
        } else {
          setJobs(begun);
        }
      }}
      onClose={onClose}
      words={
        plan.isError ? (
          <RefusedText error={plan.error} />
        ) : plan.data === undefined ? (
          <LoadingLine />
        ) : unchanged ? (
          <Text>{words.nothing}</Text>
        ) : (
          documents.map((each) => <PlanOf key={`${each.kind} ${each.key}`} document={each} />)
        )
      }
    >
      {others && (
        <Stack gap="md">
          <Radio.Group
            label={words.policy}
            value={policy}
            onChange={(next) => setPolicy(POLICIES.find((each) => each === next) ?? "pin")}
          >
            <Group gap="md" mt="xs">
              {POLICIES.map((value) => (
                <Radio key={value} size="xs" value={value} label={words[value]} />
              ))}
            </Group>
          </Radio.Group>
          {policy === "map" && followed !== undefined && (
            <MapRuns
              left={left}
              targets={targets}
              suggested={suggestions(left, targets, before, journey)}
              map={wanted}
              onChange={setDrawn}
            />
          )}
          {policy !== "pin" && (
            <OverdueChoice label={words.overdue} value={overdue} onChange={setOverdue} />
          )}
          {document?.preview_job != null && counted === undefined && (
            <div>
              <Text size="sm">{words.counting}</Text>
              <JobProgress id={document.preview_job} />
            </div>
          )}
          <div aria-live="polite">{preview != null && <InFlight preview={preview} />}</div>
        </Stack>
      )}
    </ConfirmPreview>
  );
}

function jobsOf(applied: Model<"Applied">): Jobs {
  return {
    moves: applied.documents.flatMap((each) => each.job ?? []),
    entries: applied.documents.flatMap((each) => each.backfills ?? []),
  };
}
