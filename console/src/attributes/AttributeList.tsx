import { Group } from "@mantine/core";
import { CommandLine } from "@/components/CommandLine";
import { type Column, DataTable } from "@/components/DataTable";
import { FindField, useFound } from "@/components/FindField";
import { figure, percent } from "@/components/figures";
import { LoadingLine } from "@/components/LoadingLine";
import { Page } from "@/components/Page";
import { PlaceLink } from "@/components/PlaceLink";
import { ProblemNotice } from "@/components/ProblemNotice";
import { usedLink } from "@/documents/UsedLink";
import { useUsedWords } from "@/documents/usedWords";
import { texts } from "@/texts";
import { type Attribute, useCatalogue, written } from "./catalogue";

const words = texts.attributes;

/** All attributes: the types and values that were seen, and how many contacts have each. */
export function AttributeList() {
  const catalogue = useCatalogue();
  const used = useUsedWords("attribute");
  const { data } = catalogue;
  const shown = useFound(data?.items, (row) => row.name);
  const columns: readonly Column<Attribute>[] = [
    {
      key: "name",
      title: words.name,
      cell: (row) => (
        <>
          <PlaceLink to={`/${encodeURIComponent(row.name)}`}>{row.name}</PlaceLink>
          {row.field && (
            <span className="quiet" title={words.fieldHint}>
              {" "}
              {words.field}
            </span>
          )}
        </>
      ),
    },
    {
      key: "types",
      title: words.types,
      cell: (row) => row.types.map((type) => words.typeNames[type] ?? type).join(", "),
    },
    { key: "examples", title: words.examples, cell: (row) => <Examples of={row} /> },
    { key: "used", title: words.used, cell: (row) => usedLink(row.name, used(row.name)) },
    { key: "contacts", title: words.contacts, number: true, cell: (row) => figure(row.contacts) },
    {
      key: "share",
      title: words.share,
      number: true,
      cell: (row) => percent(row.contacts, data?.contacts ?? 0) ?? texts.parts.none,
    },
  ];
  return (
    <Page
      title={words.title}
      line={
        data !== undefined &&
        (data.exact ? words.exact(data.contacts) : words.estimate(data.read, data.contacts))
      }
      actions={<FindField label={words.find} />}
    >
      {catalogue.isError && (
        <ProblemNotice error={catalogue.error} retry={() => catalogue.refetch()} />
      )}
      {data === undefined ? (
        !catalogue.isError && <LoadingLine />
      ) : (
        <DataTable
          label={words.title}
          columns={columns}
          rows={shown}
          rowKey={(row) => row.name}
          empty={
            data.items.length > 0 ? (
              words.noneFound
            ) : (
              <>
                {words.empty} <CommandLine command={words.emptyExample} />
              </>
            )
          }
        />
      )}
    </Page>
  );
}

/** Values that were seen. */
export function Examples({ of: { examples } }: { of: Attribute }) {
  return (
    <Group gap="xs">
      {examples.map((example) => (
        <code key={written(example)}>{written(example)}</code>
      ))}
    </Group>
  );
}
