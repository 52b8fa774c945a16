import { Choice } from "@/components/Choice";
import type { Column } from "@/components/DataTable";
import { useFilter } from "@/components/filters";
import { DocumentList, type ListedDocument } from "@/documents/DocumentList";
import { texts } from "@/texts";
import { CHANNELS, channelsOf } from "./channels";

const words = texts.templates;

function textOf(row: ListedDocument, name: string): string {
  const value = row.document[name];
  return typeof value === "string" ? value : "";
}

function languagesOf({ document }: ListedDocument): string {
  const { locales } = document;
  return typeof locales === "object" && locales !== null ? Object.keys(locales).join(", ") : "";
}

const COLUMNS: readonly Column<ListedDocument>[] = [
  {
    key: "subject",
    title: words.subject,
    cell: (row) => textOf(row, "subject") || textOf(row, "sms") || texts.parts.none,
  },
  {
    key: "channel",
    title: words.channel,
    cell: ({ document }) =>
      channelsOf(document)
        .map((channel) => words.channels[channel])
        .join(", ") || texts.parts.none,
  },
  {
    key: "languages",
    title: words.languages,
    cell: (row) => languagesOf(row) || texts.parts.none,
  },
];

/** All templates, with what they are for and where they are used. */
export function TemplateList() {
  const [channel, setChannel] = useFilter("channel");
  return (
    <DocumentList
      kind="template"
      title={words.title}
      columns={COLUMNS}
      searched={(row) => `${textOf(row, "subject")} ${textOf(row, "sms")}`}
      filters={
        <Choice
          label={words.channel}
          any={words.anyChannel}
          value={channel}
          options={CHANNELS.map((value) => ({ value, label: words.channels[value] }))}
          onChange={setChannel}
        />
      }
      kept={({ document }) =>
        channel === "" || channelsOf(document).some((each) => each === channel)
      }
      open={words.open}
      empty={words.empty}
    />
  );
}
