import type { Column } from "@/components/DataTable";
import { DocumentList, type ListedDocument } from "@/documents/DocumentList";
import { texts } from "@/texts";

const words = texts.forms;

function textOf(row: ListedDocument, name: string): string {
  const value = row.document[name];
  return typeof value === "string" ? value : "";
}

function fieldsOf({ document }: ListedDocument): string {
  const fields = Array.isArray(document.fields) ? document.fields : [];
  return fields
    .flatMap((field: unknown) =>
      typeof field === "object" && field !== null && "name" in field ? [String(field.name)] : [],
    )
    .join(", ");
}

const COLUMNS: readonly Column<ListedDocument>[] = [
  { key: "title", title: words.heading, cell: (row) => textOf(row, "title") || texts.parts.none },
  { key: "fields", title: words.fields, cell: (row) => fieldsOf(row) || texts.parts.none },
  { key: "topic", title: words.topic, cell: (row) => textOf(row, "topic") || texts.parts.none },
];

/** All forms, with their fields and their topic. */
export function FormList() {
  return (
    <DocumentList
      kind="form"
      title={words.title}
      columns={COLUMNS}
      searched={(row) => `${textOf(row, "title")} ${textOf(row, "topic")}`}
      open={words.open}
      empty={words.empty}
    />
  );
}
