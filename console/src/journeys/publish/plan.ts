import { useQuery } from "@tanstack/react-query";
import { answerOf, api } from "@/api/client";
import { isOpen, JOBS } from "@/api/jobs";
import type { Model } from "@/api/models";

export type Planned = Model<"PlannedDocument">;
export type Preview = Model<"Preview">;
export type Folder = Model<"Folder">;

const AGAIN = 1_000;

/** What applying a folder would change; another question leaves the answer before in sight. */
export function usePlan(folder: Folder, enabled = true) {
  return useQuery({
    queryKey: ["plan", folder],
    queryFn: () => answerOf(api.POST("/v1/plan", { body: folder })),
    staleTime: 0,
    retry: false,
    refetchOnWindowFocus: false,
    enabled,
    placeholderData: (before) => before,
  });
}

/** What a job has found of the runs in flight; undefined while it counts, null without a job. */
export function usePreviewOfJob(job: string | null): Preview | null | undefined {
  const found = useQuery({
    queryKey: [JOBS, job],
    queryFn: () =>
      answerOf(api.GET("/v1/jobs/{job_id}", { params: { path: { job_id: job ?? "" } } })),
    enabled: job !== null,
    refetchInterval: (query) =>
      query.state.data === undefined || isOpen(query.state.data) ? AGAIN : false,
  });
  return job === null ? null : (found.data?.preview ?? undefined);
}
