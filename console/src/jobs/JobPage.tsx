import { Button } from "@mantine/core";
import { useLocation } from "wouter";
import { type JobDetail, useJob } from "@/api/jobs";
import { isNotFound } from "@/api/problems";
import { useMay } from "@/api/session";
import { CopyableId } from "@/components/CopyableId";
import { FactLine } from "@/components/FactLine";
import { FactList } from "@/components/FactList";
import { Instant } from "@/components/Instant";
import { JobProgress } from "@/components/JobProgress";
import { LoadingLine } from "@/components/LoadingLine";
import { ObjectLink } from "@/components/ObjectLink";
import { Page } from "@/components/Page";
import { ProblemNotice } from "@/components/ProblemNotice";
import { Section } from "@/components/Section";
import { ImportOutcome } from "@/imports/ImportOutcome";
import { texts } from "@/texts";
import { JobItems } from "./JobItems";
import { SetAside } from "./SetAside";
import { VersionPreview } from "./VersionPreview";

const words = texts.jobs;

/** One job: its progress, what it has found, what it works on, and its files. */
export function JobPage({ id }: { id: string }) {
  const job = useJob(id);
  if (job.data !== undefined) {
    return <Shown job={job.data} />;
  }
  if (job.isError) {
    return (
      <Page title={words.title}>
        {isNotFound(job.error) ? (
          <p>{texts.parts.notFound}</p>
        ) : (
          <ProblemNotice error={job.error} retry={() => job.refetch()} />
        )}
      </Page>
    );
  }
  return <LoadingLine />;
}

function Shown({ job }: { job: JobDetail }) {
  const [, navigate] = useLocation();
  const mayExport = useMay("admin");
  const items = job.kind === "repair" || job.kind === "retry";
  return (
    <Page
      title={words.does(job)}
      line={<Facts job={job} />}
      actions={
        job.kind === "export" &&
        job.state === "done" &&
        mayExport && (
          <Button component="a" href={`/v1/jobs/${job.id}/file`} download variant="default">
            {words.download}
          </Button>
        )
      }
    >
      <JobProgress id={job.id} named onUndo={(undo) => navigate(`/${undo.id}`)} />
      {job.result !== null && Object.keys(job.result).length > 0 && (
        <Section title={words.result}>
          <FactList facts={job.result} />
        </Section>
      )}
      {job.preview !== null && <VersionPreview preview={job.preview} />}
      {job.kind === "import" && <ImportOutcome id={job.id} />}
      {items && <JobItems job={job} />}
      {job.set_aside.length > 0 && <SetAside runs={job.set_aside} />}
    </Page>
  );
}

function Facts({ job }: { job: JobDetail }) {
  return (
    <FactLine
      facts={[
        job.journey !== null && {
          name: words.journey,
          value: <ObjectLink place="journeys" id={job.journey} />,
        },
        { name: words.started, value: <Instant at={job.started_at} /> },
        job.ended_at !== null && { name: words.ended, value: <Instant at={job.ended_at} /> },
        job.approved_at !== null && {
          name: words.approved,
          value: <Instant at={job.approved_at} />,
        },
        { name: words.job, value: <CopyableId id={job.id} /> },
      ]}
    />
  );
}
