import { Button } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { answerOf, api } from "@/api/client";
import { JOBS } from "@/api/jobs";
import type { Model } from "@/api/models";
import { type Column, DataTable } from "@/components/DataTable";
import { FactList } from "@/components/FactList";
import { figure } from "@/components/figures";
import { ProblemNotice } from "@/components/ProblemNotice";
import { Section } from "@/components/Section";
import { texts } from "@/texts";

const words = texts.jobs;

type Reason = Model<"ReasonBody">;

const REASONS: readonly Column<Reason>[] = [
  { key: "code", title: words.code, cell: (row) => <code>{row.code}</code> },
  { key: "example", title: words.example, cell: (row) => row.example },
  { key: "lines", title: words.lines, cell: (row) => row.lines.join(", ") },
  { key: "count", title: words.count, number: true, cell: (row) => figure(row.count) },
];

/** What an import did with the lines of its file, and why it refused some. */
export function ImportReport({ id, done }: { id: string; done: number }) {
  const report = useQuery({
    queryKey: [JOBS, id, "import", done],
    queryFn: () =>
      answerOf(api.GET("/v1/jobs/{job_id}/import", { params: { path: { job_id: id } } })),
    placeholderData: (before) => before,
  });
  if (report.isError) {
    return <ProblemNotice error={report.error} retry={() => report.refetch()} />;
  }
  if (report.data === undefined) {
    return null;
  }
  const { columns: _, job: __, reasons, sample: ___, ...counts } = report.data;
  return (
    <Section
      title={words.report}
      actions={
        report.data.refused > 0 && (
          <Button component="a" href={`/v1/jobs/${id}/refused`} download variant="default">
            {words.refusedLines}
          </Button>
        )
      }
    >
      <FactList facts={counts} />
      {reasons.length > 0 && (
        <DataTable
          label={words.refusedLines}
          columns={REASONS}
          rows={reasons}
          rowKey={(row) => row.code}
        />
      )}
    </Section>
  );
}
