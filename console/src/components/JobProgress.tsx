import { Box, Button, Group, Progress, Text } from "@mantine/core";
import { useQueryClient } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import {
  actionsOf,
  isOpen,
  type Job,
  type JobAction,
  type JobDetail,
  useJob,
  useJobOrder,
} from "@/api/jobs";
import { useMay, useSession } from "@/api/session";
import { texts } from "@/texts";
import { ConfirmPreview } from "./ConfirmPreview";
import { figure } from "./figures";
import { Instant } from "./Instant";
import { LoadingLine } from "./LoadingLine";
import { ObjectLink } from "./ObjectLink";
import { ProblemNotice } from "./ProblemNotice";
import { StateBadge } from "./StateBadge";

const words = texts.jobs;
/** What is asked about before, since it cannot be taken back or is large. */
const ASKED: readonly JobAction[] = ["cancel", "approve", "undo"];

interface JobProgressProps {
  id: string;
  /** Whether it stands on the page of the job itself, which names it. */
  named?: boolean;
  /** Called with the job that an undo has begun. */
  onUndo?: (job: Job) => void;
}

/** How far a job is, and the buttons that steer it. It follows the job until its end. */
export function JobProgress({ id, named = false, onUndo }: JobProgressProps) {
  const job = useJob(id);
  if (job.data === undefined) {
    return job.isError ? (
      <ProblemNotice error={job.error} retry={() => job.refetch()} />
    ) : (
      <LoadingLine />
    );
  }
  return <Shown job={job.data} named={named} onUndo={onUndo} />;
}

interface ShownProps {
  job: JobDetail;
  named: boolean;
  onUndo: ((job: Job) => void) | undefined;
}

function Shown({ job, named, onUndo }: ShownProps) {
  const { key } = useSession();
  const may = useMay("operate");
  const order = useJobOrder(job.id);
  useChangedBy(job);
  const [asked, setAsked] = useState<JobAction | null>(null);
  const part = job.total === 0 ? (job.state === "done" ? 100 : 0) : (job.done / job.total) * 100;
  const actions = may ? actionsOf(job, key.id) : [];
  return (
    <Box mb="md">
      <Group justify="space-between" gap="sm" mb="xs">
        <Group gap="sm">
          <StateBadge state={job.paused_at === null ? job.state : "paused"} />
          {!named && (
            <ObjectLink place="jobs" id={job.id}>
              {words.does(job)}
            </ObjectLink>
          )}
          <Text span size="sm" className="quiet">
            {progressWords(job)}
          </Text>
          <Text span size="sm" className="quiet">
            {job.ended_at === null ? words.begun : words.over}{" "}
            <Instant at={job.ended_at ?? job.started_at} relative />
          </Text>
        </Group>
        <Group gap="sm">
          {actions.map((action) => (
            <Button
              key={action}
              variant={action === "approve" ? "filled" : "default"}
              loading={order.isPending && order.variables === action}
              onClick={() => (ASKED.includes(action) ? setAsked(action) : order.mutate(action))}
            >
              {words.actions[action]}
            </Button>
          ))}
        </Group>
      </Group>
      <Progress.Root size="sm">
        <Progress.Section value={part} aria-label={progressWords(job)} />
      </Progress.Root>
      {job.state === "waiting" && (
        <Text size="sm" mt="xs">
          {job.asked_by === key.id ? words.waitsForAnother : words.waitsForYou}
        </Text>
      )}
      {order.isError && asked === null && <ProblemNotice error={order.error} />}
      {asked !== null && (
        <ConfirmPreview
          title={words.asks[asked].title}
          words={words.asks[asked].words(job.total - job.done, job.done)}
          confirm={words.actions[asked]}
          danger={asked === "cancel"}
          act={() => order.mutateAsync(asked)}
          onDone={(found) => {
            setAsked(null);
            if (asked === "undo") {
              onUndo?.(found);
            }
          }}
          onClose={() => setAsked(null)}
        />
      )}
    </Box>
  );
}

/** What a job may have changed of what is shown beside it. */
const CHANGED = ["runs", "run", "attention", "readiness"];

/** Reads again what the job has changed, once it has ended. */
function useChangedBy(job: JobDetail) {
  const queries = useQueryClient();
  const open = isOpen(job);
  useEffect(() => {
    if (!open) {
      for (const key of CHANGED) {
        void queries.invalidateQueries({ queryKey: [key] });
      }
    }
  }, [open, queries]);
}

/** How far a job is in words: `1,200 of 5,000, 3 set aside`. */
export function progressWords(job: Job): string {
  const done = words.doneOf(figure(job.done), figure(job.total));
  return job.failed > 0 ? `${done}, ${words.failed(job.failed, job.kind)}` : done;
}
