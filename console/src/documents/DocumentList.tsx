import { Button, TextInput } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { Link } from "wouter";
import { answerOf, api } from "@/api/client";
import { listDocuments, type PlainKind } from "@/api/documents";
import type { Model } from "@/api/models";
import { useMay } from "@/api/session";
import { type Column, DataTable } from "@/components/DataTable";
import { useFilter } from "@/components/filters";
import { Instant } from "@/components/Instant";
import { LoadingLine } from "@/components/LoadingLine";
import { Page } from "@/components/Page";
import { PlaceLink } from "@/components/PlaceLink";
import { ProblemNotice } from "@/components/ProblemNotice";
import { texts } from "@/texts";
import { usedLink } from "./UsedLink";
import { usesInWords } from "./usedWords";
import { type Use, useUses } from "./uses";

const words = texts.documents;

type Kind = Exclude<PlainKind, "segment">;

/** A row of the list: a document with what uses it, or a draft that was never saved. */
export interface ListedDocument {
  key: string;
  document: Readonly<Record<string, unknown>>;
  /** Null: it is a draft alone. */
  updatedAt: string | null;
  drafted: boolean;
  uses: readonly Use[];
}

async function readAll<Item>(
  read: (cursor: string | undefined) => Promise<{ items: Item[]; next: string | null }>,
): Promise<Item[]> {
  const found: Item[] = [];
  let cursor: string | undefined;
  do {
    const page = await read(cursor);
    found.push(...page.items);
    cursor = page.next ?? undefined;
  } while (cursor !== undefined);
  return found;
}

async function draftsOf(kind: Kind): Promise<Model<"DraftSummary">[]> {
  return await readAll((cursor) => {
    const query = { kind, limit: 500, ...(cursor === undefined ? {} : { cursor }) };
    return answerOf(api.GET("/v1/drafts", { params: { query } }));
  });
}

/** The documents of a kind and the drafts of new ones, by key. */
export function useDocuments(kind: Kind) {
  const documents = useQuery({
    queryKey: ["documents", kind],
    queryFn: () => readAll((cursor) => listDocuments(kind, cursor)),
    refetchInterval: 30_000,
  });
  const drafts = useQuery({ queryKey: ["drafts", kind], queryFn: () => draftsOf(kind) });
  const uses = useUses(kind);
  const drafted = new Set(drafts.data?.map((draft) => draft.key));
  const saved = new Set(documents.data?.map((each) => each.key));
  const rows: ListedDocument[] = [
    ...(documents.data ?? []).map((each) => ({
      key: each.key,
      document: each.document,
      updatedAt: each.updated_at,
      drafted: drafted.has(each.key),
      uses: uses.data?.filter((use) => use.key === each.key) ?? [],
    })),
    ...(drafts.data ?? [])
      .filter((draft) => !saved.has(draft.key))
      .map((draft) => ({
        key: draft.key,
        document: {},
        updatedAt: null,
        drafted: true,
        uses: [],
      })),
  ].sort((one, other) => (one.key < other.key ? -1 : 1));
  return {
    rows: documents.data === undefined ? undefined : rows,
    error: documents.error ?? drafts.error ?? uses.error,
    retry: () => void documents.refetch(),
  };
}

interface DocumentListProps {
  kind: Kind;
  title: string;
  /** Columns of this kind alone, after the name. */
  columns: readonly Column<ListedDocument>[];
  /** What is searched beside the key, such as the subject. */
  searched?: (row: ListedDocument) => string;
  /** Filters beside the search, and which rows they leave. */
  filters?: ReactNode;
  kept?: (row: ListedDocument) => boolean;
  /** The button that begins a new one. */
  open: string;
  empty: ReactNode;
}

const NAME: Column<ListedDocument> = {
  key: "name",
  title: words.name,
  cell: (row) => <PlaceLink to={`/${encodeURIComponent(row.key)}`}>{row.key}</PlaceLink>,
};

const REST: readonly Column<ListedDocument>[] = [
  {
    key: "uses",
    title: words.uses,
    cell: (row) => usedLink(row.key, usesInWords(row.uses)),
  },
  {
    key: "changed",
    title: words.changed,
    number: true,
    cell: (row) => (
      <>
        {row.updatedAt !== null && <Instant at={row.updatedAt} relative />}
        {row.drafted && (
          <span className="quiet">{` ${row.updatedAt === null ? words.draft : words.drafted}`}</span>
        )}
      </>
    ),
  },
];

/** All documents of a kind, with their use; new ones by a button. */
export function DocumentList(props: DocumentListProps) {
  const { kind, title, columns, searched, filters, kept, open, empty } = props;
  const mayEdit = useMay("edit");
  const { rows, error, retry } = useDocuments(kind);
  const [find, setFind] = useFilter("find");
  const wanted = find.trim().toLowerCase();
  const shown = rows?.filter(
    (row) =>
      `${row.key} ${searched?.(row) ?? ""}`.toLowerCase().includes(wanted) &&
      (kept === undefined || kept(row)),
  );
  return (
    <Page
      title={title}
      actions={
        <>
          <TextInput
            size="xs"
            placeholder={words.find}
            aria-label={words.find}
            value={find}
            onChange={(event) => setFind(event.currentTarget.value)}
          />
          {filters}
          {mayEdit && (
            <Button component={Link} to="/new" size="sm">
              {open}
            </Button>
          )}
        </>
      }
    >
      {error !== null && <ProblemNotice error={error} retry={retry} />}
      {shown === undefined ? (
        error === null && <LoadingLine />
      ) : (
        <DataTable
          label={title}
          columns={[NAME, ...columns, ...REST]}
          rows={shown}
          rowKey={(row) => row.key}
          empty={rows?.length === 0 ? empty : words.noneFound}
        />
      )}
    </Page>
  );
}
