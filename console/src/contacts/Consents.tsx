import { Title } from "@mantine/core";
import { answerOf, api } from "@/api/client";
import type { Model } from "@/api/models";
import type { Column } from "@/components/DataTable";
import { Instant } from "@/components/Instant";
import { Listing, useListing } from "@/components/Listing";
import { texts } from "@/texts";

const words = texts.contacts.consents;

type Topic = Model<"TopicBody">;
type Entry = Model<"RecordBody">;

const TOPICS: readonly Column<Topic>[] = [
  { key: "topic", title: words.topic, cell: (row) => row.name ?? row.topic },
  {
    key: "state",
    title: words.state,
    cell: (row) => row.state ?? words.defaults[row.default ?? ""] ?? texts.parts.none,
  },
  {
    key: "changed",
    title: words.changed,
    number: true,
    cell: (row) => <Instant at={row.changed_at} />,
  },
];

const RECORDS: readonly Column<Entry>[] = [
  { key: "what", title: words.what, cell: (row) => row.topic ?? row.channel ?? texts.parts.none },
  { key: "became", title: words.became, cell: (row) => row.state },
  { key: "source", title: words.source, cell: (row) => row.source },
  { key: "address", title: words.address, cell: (row) => row.address ?? texts.parts.none },
  { key: "at", title: words.at, number: true, cell: (row) => <Instant at={row.at} /> },
];

/** What a contact agreed to, and how each of its consents came about. */
export function Consents({ contact }: { contact: string }) {
  const path = { contact };
  const topics = useListing<Topic>(["topics", contact], (cursor) =>
    answerOf(
      api.GET("/v1/contacts/{contact}/topics", {
        params: { path, query: cursor === undefined ? {} : { cursor } },
      }),
    ),
  );
  const records = useListing<Entry>(["consents", contact], (cursor) =>
    answerOf(
      api.GET("/v1/contacts/{contact}/consents", {
        params: { path, query: cursor === undefined ? {} : { cursor } },
      }),
    ),
  );
  return (
    <>
      <Listing
        label={texts.contacts.tabs.consents}
        query={topics}
        columns={TOPICS}
        rowKey={(row) => row.topic}
        empty={words.noTopics}
      />
      <Title order={2} mt="lg" mb="xs">
        {words.records}
      </Title>
      <Listing
        label={words.records}
        query={records}
        columns={RECORDS}
        rowKey={(row) => `${row.at} ${row.topic ?? row.channel}`}
        empty={words.noRecords}
      />
    </>
  );
}
