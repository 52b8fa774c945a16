import { Group, Text, Title } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { useQuery } from "@tanstack/react-query";
import { useRef, useState } from "react";
import { useFilter } from "@/components/filters";
import { LoadingLine } from "@/components/LoadingLine";
import { Page } from "@/components/Page";
import { ProblemNotice } from "@/components/ProblemNotice";
import { texts } from "@/texts";
import { DryRun } from "./DryRun";
import { FileChoice } from "./FileChoice";
import { MappingTable } from "./MappingTable";
import { OptionFields } from "./OptionFields";
import { type ImportColumns, type ImportOptions, queryOf, USUAL, type What } from "./options";
import { mediaTypeOf, sendFile } from "./sending";

const words = texts.imports.begin;
/** Bytes of the beginning of a file, by which its columns are read. */
const HEAD = 256 * 1024;
const PAUSE = 250;

function isWhat(text: string): text is What {
  return text in texts.imports.whats;
}

/** An import from the file to its job: what it holds, where each column goes, the dry run. */
export function NewImport() {
  const [what, setWhat] = useFilter("what");
  const [file, setFile] = useState<File | null>(null);
  const [chosen, setChosen] = useState(USUAL);
  const options: ImportOptions = { ...chosen, what: isWhat(what) ? what : USUAL.what };
  function change(next: ImportOptions) {
    setChosen(next);
    setWhat(next.what === USUAL.what ? null : next.what);
  }
  const query = queryOf(options).toString();
  const read = useColumns(file, query);
  return (
    <Page title={words.title}>
      <FileChoice
        file={file}
        onChoose={(next) => {
          setFile(next);
          // Another file has other columns.
          setChosen({ ...chosen, map: {} });
        }}
      />
      <OptionFields options={options} onChange={change} />
      {file !== null && (
        <>
          {read.error !== null && <ProblemNotice error={read.error} />}
          {read.columns === null ? (
            read.error === null && <LoadingLine />
          ) : (
            <>
              <Group gap="sm" align="baseline" mt="lg" mb="xs">
                <Title order={2}>{words.columns}</Title>
                <Text size="sm" className="quiet">
                  {words.readAs(read.columns.format, read.columns.encoding, read.columns.delimiter)}{" "}
                  {words.columnsHint}
                </Text>
              </Group>
              <MappingTable
                what={options.what}
                read={read.columns}
                map={options.map}
                onChange={(map) => change({ ...options, map })}
              />
              {read.columns.problem !== null && (
                <Text role="alert" mt="sm" fw={600}>
                  {read.columns.problem}
                </Text>
              )}
            </>
          )}
          <DryRun
            // Another file has a dry run of its own.
            key={`${file.name} ${file.size} ${file.lastModified}`}
            file={file}
            query={query}
            begins={options.beginJourneys}
            blocked={read.error !== null || read.columns === null || read.columns.problem !== null}
          />
        </>
      )}
    </Page>
  );
}

interface Columns {
  /** What was read last: it stays while something else is read, or is refused. */
  columns: ImportColumns | null;
  error: unknown;
}

/** The columns of a file as the server reads them, and what an import would do with each. */
function useColumns(file: File | null, query: string): Columns {
  const [asked] = useDebouncedValue(query, PAUSE);
  const last = useRef<{ file: File | null; columns: ImportColumns | null }>({
    file: null,
    columns: null,
  });
  const read = useQuery({
    queryKey: ["import-columns", file?.name, file?.size, file?.lastModified, asked],
    queryFn: () => readColumns(file, new URLSearchParams(asked)),
    enabled: file !== null,
    staleTime: Number.POSITIVE_INFINITY,
    gcTime: 0,
  });
  if (last.current.file !== file) {
    last.current = { file, columns: null };
  }
  if (read.data !== undefined) {
    last.current.columns = read.data;
  }
  return { columns: last.current.columns, error: read.error };
}

async function readColumns(file: File | null, query: URLSearchParams): Promise<ImportColumns> {
  if (file === null) {
    throw new Error("columns are read of a file");
  }
  if (file.size > HEAD) {
    query.set("cut", "true");
  }
  return await sendFile<ImportColumns>({
    path: "/v1/contacts/import/columns",
    query,
    body: file.slice(0, HEAD),
    type: mediaTypeOf(file.name),
  });
}
