import { Button } from "@mantine/core";
import { answerOf, api } from "@/api/client";
import type { Model } from "@/api/models";
import { channelName } from "@/components/channelName";
import type { Column } from "@/components/DataTable";
import { useFilter } from "@/components/filters";
import { Instant } from "@/components/Instant";
import { Listing, useListing } from "@/components/Listing";
import { StateBadge } from "@/components/StateBadge";
import { latestStatus } from "@/journeys/messageStatus";
import { texts } from "@/texts";
import { MessageContent } from "./MessageContent";

const words = texts.journeys.messages;

type Message = Model<"api__messages__messages__MessageBody">;

const COLUMNS: readonly Column<Message>[] = [
  { key: "journey", title: texts.journeys.name, cell: (row) => row.journey },
  { key: "step", title: words.step, cell: (row) => row.step },
  { key: "channel", title: words.channel, cell: (row) => channelName(row.channel) },
  { key: "state", title: words.state, cell: (row) => <StateBadge state={latestStatus(row)} /> },
  { key: "code", title: words.code, cell: (row) => row.code ?? texts.parts.none },
  {
    key: "at",
    title: words.at,
    number: true,
    cell: (row) => <Instant at={row.settled_at ?? row.first_attempt_at} />,
  },
];

/** The messages of a contact: what became of each, and what it said. */
export function ContactMessages({ contact }: { contact: string }) {
  const [open, setOpen] = useFilter("message");
  const messages = useListing<Message>(["contact-messages", contact], (cursor) =>
    answerOf(
      api.GET("/v1/contacts/{contact}/messages", {
        params: {
          path: { contact },
          query: { limit: 50, ...(cursor === undefined ? {} : { cursor }) },
        },
      }),
    ),
  );
  const content: Column<Message> = {
    key: "content",
    title: texts.contacts.content.title,
    cell: (row) => (
      <Button
        variant="subtle"
        size="compact-xs"
        aria-expanded={open === row.id}
        onClick={() => setOpen(open === row.id ? null : row.id)}
      >
        {open === row.id ? texts.contacts.content.close : texts.contacts.content.open}
      </Button>
    ),
  };
  return (
    <Listing
      label={texts.contacts.tabs.messages}
      query={messages}
      columns={[...COLUMNS, content]}
      rowKey={(row) => row.id}
      marked={(row) => open === row.id}
      detail={(row) => open === row.id && <MessageContent id={row.id} />}
      empty={words.empty}
    />
  );
}
