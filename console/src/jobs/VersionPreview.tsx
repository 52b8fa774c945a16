import { Text } from "@mantine/core";
import type { Model } from "@/api/models";
import { type Column, DataTable } from "@/components/DataTable";
import { figure } from "@/components/figures";
import { Section } from "@/components/Section";
import { texts } from "@/texts";

const words = texts.jobs;

type Moving = Model<"Moving">;
type Staying = Model<"Staying">;

const MOVES: readonly Column<Moving>[] = [
  { key: "version", title: words.version, number: true, cell: (row) => row.version },
  { key: "from", title: words.from, cell: (row) => row.step },
  { key: "to", title: words.to, cell: (row) => row.to },
  { key: "runs", title: words.runs, number: true, cell: (row) => figure(row.runs) },
];

const STAYS: readonly Column<Staying>[] = [
  { key: "version", title: words.version, number: true, cell: (row) => row.version },
  { key: "step", title: words.step, cell: (row) => row.step ?? texts.parts.none },
  { key: "reason", title: words.code, cell: (row) => <code>{row.reason}</code> },
  { key: "runs", title: words.runs, number: true, cell: (row) => figure(row.runs) },
];

/** What a version would do with the runs in flight. */
export function VersionPreview({ preview }: { preview: Model<"Preview"> }) {
  return (
    <Section title={words.preview}>
      <Text mb="sm">{words.sentAtOnce(preview.sent_at_once.count)}</Text>
      <DataTable
        label={words.moves}
        columns={MOVES}
        rows={preview.moves}
        rowKey={(row) => `${row.version} ${row.step} ${row.to}`}
        empty={words.noMoves}
      />
      {preview.stays.length > 0 && (
        <DataTable
          label={words.stays}
          columns={STAYS}
          rows={preview.stays}
          rowKey={(row) => `${row.version} ${row.step} ${row.reason}`}
        />
      )}
    </Section>
  );
}
