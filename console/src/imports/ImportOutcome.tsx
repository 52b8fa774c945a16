import { Button, Text, Title } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { answerOf, api } from "@/api/client";
import { isOpen, JOBS, useJob } from "@/api/jobs";
import { withQuery } from "@/components/addresses";
import { type Column, DataTable } from "@/components/DataTable";
import { FactList } from "@/components/FactList";
import { factWords } from "@/components/facts";
import { figure } from "@/components/figures";
import { LinkButton } from "@/components/LinkButton";
import { ProblemNotice } from "@/components/ProblemNotice";
import { Section } from "@/components/Section";
import { texts } from "@/texts";
import type { ImportReport } from "./options";

const words = texts.imports.report;

type Reason = ImportReport["reasons"][number];
type Sample = ImportReport["sample"][number];
type Counted = keyof typeof words.counts;

const COUNTED = Object.keys(words.counts) as readonly Counted[];

/** What an import did with the lines of its file in a sentence, or would do. */
export function countWords(report: ImportReport): string {
  const said = COUNTED.filter((name) => report[name] > 0 || name === "refused").map((name) =>
    words.counts[name](report[name]),
  );
  return `${report.dry_run ? words.would : words.was}${said.join(", ")}.`;
}

/** The report of an import, read again until its job has ended. */
export function useImportReport(id: string) {
  const job = useJob(id).data;
  return useQuery({
    queryKey: [JOBS, id, "import", job?.done, job?.state],
    queryFn: () =>
      answerOf(api.GET("/v1/jobs/{job_id}/import", { params: { path: { job_id: id } } })),
    placeholderData: (before) => before,
    refetchInterval: job === undefined || isOpen(job) ? 2_000 : false,
  });
}

const REASONS: readonly Column<Reason>[] = [
  { key: "example", title: texts.jobs.example, cell: (row) => row.example || row.code },
  { key: "lines", title: texts.jobs.lines, cell: (row) => row.lines.join(", ") },
  { key: "code", title: texts.jobs.code, cell: (row) => <code>{row.code}</code> },
  { key: "count", title: texts.jobs.count, number: true, cell: (row) => figure(row.count) },
];

/** A line as it would be: whom it names, what becomes of that contact, and all it would have. */
function sampleOf({ row }: Sample) {
  const { external_id: id, contact, outcome, values, changes: _, ...rest } = row;
  const inside = typeof values === "object" && values !== null ? values : {};
  const filled = Object.entries({ ...inside, ...rest }).filter(([, value]) => !isEmpty(value));
  return {
    contact: factWords(id ?? contact),
    outcome: factWords(outcome),
    facts: Object.fromEntries(filled),
  };
}

function isEmpty(value: unknown): boolean {
  return (
    value === null ||
    (typeof value === "object" && value !== null && Object.keys(value).length === 0)
  );
}

const SAMPLE: readonly Column<Sample>[] = [
  { key: "line", title: words.line, narrow: true, cell: (row) => row.line },
  { key: "contact", title: words.contact, cell: (row) => sampleOf(row).contact },
  { key: "outcome", title: words.outcome, cell: (row) => sampleOf(row).outcome },
  { key: "row", title: words.row, cell: (row) => <FactList facts={sampleOf(row).facts} /> },
];

/** What an import has done, or a dry run found: counts, the reasons of errors, the first lines. */
export function ImportOutcome({ id }: { id: string }) {
  const report = useImportReport(id);
  if (report.data === undefined) {
    return report.isError ? (
      <ProblemNotice error={report.error} retry={() => report.refetch()} />
    ) : null;
  }
  const { dry_run: dry, reasons, sample, groups, refused, left_out: leftOut, job } = report.data;
  const [group] = groups;
  return (
    <Section
      title={dry ? words.dryTitle : words.title}
      actions={
        <>
          {refused + leftOut > 0 && (
            <Button component="a" href={`/v1/jobs/${id}/refused`} download variant="default">
              {texts.jobs.refusedLines}
            </Button>
          )}
          {!dry && group !== undefined && job.state === "done" && (
            <LinkButton to={withQuery("~/imports/enter", { group })}>{words.enter}</LinkButton>
          )}
        </>
      }
    >
      <Text role="status" fw={600} mb="sm">
        {countWords(report.data)}
      </Text>
      {reasons.length > 0 && (
        <>
          <Title order={3} size="h5">
            {words.reasons}
          </Title>
          <DataTable
            label={words.reasons}
            columns={REASONS}
            rows={reasons}
            rowKey={(row) => row.code}
          />
        </>
      )}
      {sample.length > 0 && (
        <>
          <Title order={3} size="h5" mt="md">
            {words.sample}
          </Title>
          <DataTable
            label={words.sample}
            columns={SAMPLE}
            rows={sample}
            rowKey={(row) => String(row.line)}
          />
        </>
      )}
    </Section>
  );
}
