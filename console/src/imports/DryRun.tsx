import { Button, Group, Progress, Text } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { useLocation } from "wouter";
import { useJob } from "@/api/jobs";
import { BASE } from "@/app/base";
import { ConfirmPreview } from "@/components/ConfirmPreview";
import { JobProgress } from "@/components/JobProgress";
import { ProblemNotice } from "@/components/ProblemNotice";
import { texts } from "@/texts";
import { countWords, ImportOutcome, useImportReport } from "./ImportOutcome";
import type { ImportReport } from "./options";
import { type Sending, useSending } from "./sending";
import { sizeWords } from "./sizes";

const words = texts.imports.run;
const PATH = "/v1/contacts/import";
const NAME_LIMIT = 200;

interface DryRunProps {
  file: File;
  /** The options, as the query of the call. */
  query: string;
  /** Whether journeys may begin. */
  begins: boolean;
  /** Whether the file cannot be imported so. */
  blocked: boolean;
}

/** The dry run of a file with what it found, and then the import. */
export function DryRun({ file, query, begins, blocked }: DryRunProps) {
  const [, navigate] = useLocation();
  const sending = useSending();
  const [asked, setAsked] = useState(false);
  const dry = useMutation({
    mutationFn: async () => {
      const report = await sending.send<ImportReport>(PATH, orderOf(query, file, true), file);
      return { job: report.job.id, query };
    },
  });
  const fresh = dry.data?.query === query;
  return (
    <section aria-label={words.dry}>
      <Group gap="sm" mt="lg" mb="md">
        <Button
          variant={fresh ? "default" : "filled"}
          disabled={blocked}
          loading={dry.isPending}
          onClick={() => dry.mutate()}
        >
          {dry.data === undefined ? words.dry : words.dryAgain}
        </Button>
        {dry.data === undefined ? (
          <Text size="sm" className="quiet">
            {words.dryHint}
          </Text>
        ) : (
          <ImportButton
            job={dry.data.job}
            blocked={blocked || !fresh}
            onAsk={() => setAsked(true)}
          />
        )}
        {dry.data !== undefined && !fresh && (
          <Text size="sm" role="status">
            {words.stale}
          </Text>
        )}
      </Group>
      {sending.sent !== null && !asked && <SendingBar sending={sending} />}
      {dry.isError && !isStop(dry.error) && <ProblemNotice error={dry.error} />}
      {dry.data !== undefined && (
        <>
          <JobProgress id={dry.data.job} />
          <ImportOutcome id={dry.data.job} />
        </>
      )}
      {asked && dry.data !== undefined && (
        <Import
          job={dry.data.job}
          begins={begins}
          sending={sending}
          act={() => sending.send<ImportReport>(PATH, orderOf(query, file, false), file)}
          onDone={(report) => navigate(`~${BASE}/jobs/${report.job.id}`)}
          onClose={() => {
            sending.stop();
            setAsked(false);
          }}
        />
      )}
    </section>
  );
}

function orderOf(query: string, file: File, dryRun: boolean): URLSearchParams {
  const order = new URLSearchParams(query);
  order.set("name", file.name.slice(0, NAME_LIMIT));
  order.set("dry_run", String(dryRun));
  return order;
}

function isStop(error: unknown): boolean {
  return error instanceof DOMException && error.name === "AbortError";
}

interface ImportButtonProps {
  job: string;
  blocked: boolean;
  onAsk: () => void;
}

function ImportButton({ job, blocked, onAsk }: ImportButtonProps) {
  const state = useJob(job).data?.state;
  return (
    <Button disabled={blocked || state !== "done"} onClick={onAsk}>
      {words.import}
    </Button>
  );
}

/** How much of the file was sent. */
function SendingBar({ sending }: { sending: Sending }) {
  if (sending.sent === null) {
    return null;
  }
  const { sent, total } = sending.sent;
  const said = words.sending(sizeWords(sent), sizeWords(total));
  return (
    <Group gap="sm" mb="md">
      <Progress.Root size="sm" className="grow">
        <Progress.Section value={total === 0 ? 0 : (sent / total) * 100} aria-label={said} />
      </Progress.Root>
      <Text size="sm" className="quiet">
        {said}
      </Text>
      <Button variant="default" size="compact-sm" onClick={sending.stop}>
        {words.stop}
      </Button>
    </Group>
  );
}

interface ImportProps {
  job: string;
  begins: boolean;
  sending: Sending;
  act: () => Promise<ImportReport>;
  onDone: (report: ImportReport) => void;
  onClose: () => void;
}

function Import({ job, begins, sending, act, onDone, onClose }: ImportProps) {
  const report = useImportReport(job);
  return (
    <ConfirmPreview
      title={words.title}
      words={
        report.data !== undefined && (
          <>
            <Text fw={600}>{countWords(report.data)}</Text>
            <Text>{begins ? words.begins : words.beginsNot}</Text>
            <Text>{words.undo}</Text>
          </>
        )
      }
      confirm={words.confirm(report.data?.job.total ?? 0)}
      blocked={report.data === undefined}
      act={act}
      onDone={onDone}
      onClose={onClose}
    >
      <SendingBar sending={sending} />
    </ConfirmPreview>
  );
}
