import { useMay } from "@/api/session";
import { CommandLine } from "@/components/CommandLine";
import { type Column, DataTable } from "@/components/DataTable";
import { FindField, useFound } from "@/components/FindField";
import { Instant } from "@/components/Instant";
import { LoadingLine } from "@/components/LoadingLine";
import { Page } from "@/components/Page";
import { PlaceLink } from "@/components/PlaceLink";
import { ProblemNotice } from "@/components/ProblemNotice";
import { Section } from "@/components/Section";
import { usedLink } from "@/documents/UsedLink";
import { useUsedWords } from "@/documents/usedWords";
import { texts } from "@/texts";
import { type StoredFile, sizeInWords, useFiles } from "./file";
import { UploadFile } from "./UploadFile";

const words = texts.files;

/** All files, what attaches them, and a new one. */
export function FileList() {
  const mayEdit = useMay("edit");
  const files = useFiles();
  const used = useUsedWords("file");
  const shown = useFound(files.data, (row) => row.name);
  const columns: readonly Column<StoredFile>[] = [
    {
      key: "name",
      title: words.name,
      cell: (row) => <PlaceLink to={`/${encodeURIComponent(row.name)}`}>{row.name}</PlaceLink>,
    },
    { key: "type", title: words.type, cell: (row) => row.content_type },
    { key: "used", title: words.used, cell: (row) => usedLink(row.name, used(row.name)) },
    { key: "size", title: words.size, number: true, cell: (row) => sizeInWords(row.size) },
    {
      key: "changed",
      title: words.changed,
      number: true,
      cell: (row) => <Instant at={row.updated_at} relative />,
    },
  ];
  return (
    <Page title={words.title} actions={<FindField label={words.find} />}>
      {files.isError && <ProblemNotice error={files.error} retry={() => files.refetch()} />}
      {files.data === undefined ? (
        !files.isError && <LoadingLine />
      ) : (
        <DataTable
          label={words.title}
          columns={columns}
          rows={shown}
          rowKey={(row) => row.name}
          empty={
            files.data.length > 0 ? (
              words.noneFound
            ) : (
              <>
                {words.empty} <CommandLine command={words.emptyExample} />
              </>
            )
          }
        />
      )}
      {mayEdit && files.data !== undefined && (
        <Section title={words.upload}>
          <UploadFile there={files.data.map(({ name }) => name)} />
        </Section>
      )}
    </Page>
  );
}
