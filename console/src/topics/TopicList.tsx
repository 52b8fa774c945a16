import { CommandLine } from "@/components/CommandLine";
import type { Column } from "@/components/DataTable";
import { figure } from "@/components/figures";
import { DocumentList, type ListedDocument } from "@/documents/DocumentList";
import { texts } from "@/texts";
import { useConsents } from "./consents";

const words = texts.topics;

const COUNTS = ["subscribed", "pending", "unsubscribed", "unrecorded"] as const;

function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}

/** All topics, with how many contacts are subscribed to each. */
export function TopicList() {
  const consents = useConsents();
  const counts = new Map(consents.data?.items.map((item) => [item.topic, item]));
  const columns: readonly Column<ListedDocument>[] = [
    {
      key: "named",
      title: words.named,
      cell: ({ document }) => textOf(document.name) || texts.parts.none,
    },
    {
      key: "default",
      title: words.default,
      cell: ({ document }) => words.defaults[textOf(document.default)] ?? texts.parts.none,
    },
    ...COUNTS.map((name) => ({
      key: name,
      title: words[name],
      number: true,
      cell: ({ key }: ListedDocument) => {
        const found = counts.get(key);
        return found === undefined ? texts.parts.none : figure(found[name]);
      },
    })),
  ];
  return (
    <DocumentList
      kind="topic"
      title={words.title}
      columns={columns}
      searched={({ document }) => textOf(document.name)}
      open={words.open}
      empty={
        <>
          {words.empty} <CommandLine command={words.emptyExample} />
        </>
      }
    />
  );
}
