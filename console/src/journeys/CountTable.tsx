import { Title } from "@mantine/core";
import { DataTable } from "@/components/DataTable";
import { figure } from "@/components/figures";
import { PlaceLink } from "@/components/PlaceLink";

interface CountTableProps {
  title: string;
  name: string;
  count: string;
  counts: Readonly<Record<string, number>>;
  /** Where those that are counted are listed. */
  to?: string;
}

/** Counts by name, the largest first; nothing at all if there are none. */
export function CountTable({ title, name, count, counts, to }: CountTableProps) {
  const rows = Object.entries(counts).sort(([, one], [, other]) => other - one);
  if (rows.length === 0) {
    return null;
  }
  return (
    <>
      <Title order={2} mt="lg" mb="xs">
        {title}
      </Title>
      <DataTable
        label={title}
        rows={rows}
        rowKey={([each]) => each}
        columns={[
          { key: "name", title: name, cell: ([each]) => each },
          {
            key: "count",
            title: count,
            number: true,
            cell: ([, number]) =>
              to === undefined ? figure(number) : <PlaceLink to={to}>{figure(number)}</PlaceLink>,
          },
        ]}
      />
    </>
  );
}
