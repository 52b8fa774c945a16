import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { answerOf, api } from "./client";
import type { Model } from "./models";

export type Job = Model<"JobBody">;
export type JobDetail = Model<"JobDetail">;

const REFRESH = 1_000;
export const JOBS = "jobs";

/** Whether a job can still change by itself or by an approval. */
export function isOpen(job: Pick<Job, "state">): boolean {
  return job.state === "running" || job.state === "waiting";
}

/** A job with what it has found, read again each second until it has ended. */
export function useJob(id: string) {
  return useQuery({
    queryKey: [JOBS, id],
    queryFn: () => answerOf(api.GET("/v1/jobs/{job_id}", { params: { path: { job_id: id } } })),
    refetchInterval: (query) =>
      query.state.data === undefined || isOpen(query.state.data) ? REFRESH : false,
  });
}

export type JobAction = "approve" | "pause" | "resume" | "cancel" | "undo";

function order(id: string, action: JobAction): Promise<Job> {
  const path = { params: { path: { job_id: id } } };
  switch (action) {
    case "approve":
      return answerOf(api.POST("/v1/jobs/{job_id}/approve", path));
    case "pause":
      return answerOf(api.POST("/v1/jobs/{job_id}/pause", path));
    case "resume":
      return answerOf(api.POST("/v1/jobs/{job_id}/resume", path));
    case "cancel":
      return answerOf(api.POST("/v1/jobs/{job_id}/cancel", path));
    case "undo":
      return answerOf(api.POST("/v1/jobs/{job_id}/undo", path));
  }
}

/** Steer a job; an undo answers with a job of its own. */
export function useJobOrder(id: string) {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: (action: JobAction) => order(id, action),
    onSuccess: () => queries.invalidateQueries({ queryKey: [JOBS] }),
  });
}

/** What may be done with a job in its state. What a key may not do is left out elsewhere. */
export function actionsOf(job: Job, keyId: string): JobAction[] {
  if (job.state === "waiting") {
    return job.asked_by === keyId ? ["cancel"] : ["approve", "cancel"];
  }
  if (job.state === "running") {
    const paused = job.paused_at !== null;
    const stops: JobAction[] = job.kind === "erase" ? [] : ["cancel"];
    return [paused ? "resume" : "pause", ...stops];
  }
  return isUndoable(job) ? ["undo"] : [];
}

/** Whether what a job has done can be taken back: an import, or runs that it has moved on. */
function isUndoable(job: Job): boolean {
  if (job.kind === "import" && !job.subject.endsWith("dry run")) {
    return job.state === "done" || job.state === "stopped";
  }
  return job.kind === "repair" && /^(skip|goto) /.test(job.subject);
}
