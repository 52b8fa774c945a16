import { answerOf, api } from "@/api/client";
import { isOpen, JOBS, type Job } from "@/api/jobs";
import { useJourneyKeys } from "@/api/journeys";
import { CommandLine } from "@/components/CommandLine";
import type { Column } from "@/components/DataTable";
import { FilterBar } from "@/components/FilterBar";
import { given, useFilters } from "@/components/filters";
import { Instant } from "@/components/Instant";
import { progressWords } from "@/components/JobProgress";
import { Listing, useListing } from "@/components/Listing";
import { ObjectLink } from "@/components/ObjectLink";
import { Page } from "@/components/Page";
import { StateBadge } from "@/components/StateBadge";
import { texts } from "@/texts";

const words = texts.jobs;
const REFRESH = 2_000;
const FILTERS = ["kind", "journey"] as const;

/** What a list of jobs shows of each. */
export const JOB_COLUMNS: readonly Column<Job>[] = [
  {
    key: "job",
    title: words.job,
    cell: (job) => (
      <ObjectLink place="jobs" id={job.id}>
        {words.does(job)}
      </ObjectLink>
    ),
  },
  {
    key: "journey",
    title: words.journey,
    cell: (job) =>
      job.journey === null ? texts.parts.none : <ObjectLink place="journeys" id={job.journey} />,
  },
  {
    key: "state",
    title: words.state,
    cell: (job) => (
      <StateBadge state={isOpen(job) && job.paused_at !== null ? "paused" : job.state} />
    ),
  },
  { key: "progress", title: words.progress, number: true, cell: progressWords },
  {
    key: "started",
    title: words.started,
    number: true,
    cell: (job) => <Instant at={job.started_at} />,
  },
  { key: "ended", title: words.ended, number: true, cell: (job) => <Instant at={job.ended_at} /> },
];

/** The jobs, the newest first, each with how far it is. */
export function JobList() {
  const filters = useFilters(FILTERS);
  const journeys = useJourneyKeys();
  const jobs = useListing<Job>(
    [JOBS, "list", filters],
    (cursor) => {
      const kind = filters.kind in words.kinds ? (filters.kind as Job["kind"]) : null;
      return answerOf(
        api.GET("/v1/jobs", {
          params: {
            query: {
              ...given({ journey: filters.journey }),
              ...(kind === null ? {} : { kind }),
              ...(cursor === undefined ? {} : { cursor }),
            },
          },
        }),
      );
    },
    REFRESH,
  );
  return (
    <Page title={words.title}>
      <FilterBar
        filters={[
          { name: "kind", label: words.kind, options: Object.entries(words.kinds), width: 208 },
          { name: "journey", label: words.journey, suggestions: journeys },
        ]}
      />
      <Listing
        label={words.title}
        query={jobs}
        columns={JOB_COLUMNS}
        rowKey={(job) => job.id}
        empty={
          <>
            {words.empty} <CommandLine command={words.emptyCommand} />
          </>
        }
      />
    </Page>
  );
}
