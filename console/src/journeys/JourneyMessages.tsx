import { Button, Group } from "@mantine/core";
import { answerOf, api } from "@/api/client";
import type { Model } from "@/api/models";
import type { paths } from "@/api/schema";
import { useMay } from "@/api/session";
import { Choice } from "@/components/Choice";
import { ContactLink } from "@/components/ContactLink";
import { channelName } from "@/components/channelName";
import type { Column } from "@/components/DataTable";
import classes from "@/components/FilterBar.module.css";
import { useFilter } from "@/components/filters";
import { Instant } from "@/components/Instant";
import { Listing, useListing } from "@/components/Listing";
import { StateBadge } from "@/components/StateBadge";
import { Views } from "@/components/Views";
import { texts } from "@/texts";
import { latestStatus } from "./messageStatus";
import { useSteps } from "./steps";

const words = texts.journeys.messages;

type Message = Model<"api__messages__messages__MessageBody">;
type Status = NonNullable<
  NonNullable<paths["/v1/journeys/{key}/messages"]["get"]["parameters"]["query"]>["status"]
>;

const COLUMNS: readonly Column<Message>[] = [
  { key: "contact", title: words.contact, cell: (row) => <ContactLink contact={row.contact} /> },
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

const STATUSES: readonly Status[] = [
  "sent",
  "delivered",
  "opened",
  "clicked",
  "replied",
  "bounced",
  "complained",
  "unsubscribed",
  "unknown",
  "refused",
];
const CHANNELS = ["email", "sms", "webhook"] as const;

/** The recipients of a journey's messages. */
export function JourneyMessages({ journey }: { journey: string }) {
  const [channel, setChannel] = useFilter("channel");
  const [step, setStep] = useFilter("step");
  const [status, setStatus] = useFilter("status");
  const steps = useSteps(journey);
  const mayExport = useMay("admin");
  const chosen = CHANNELS.find((each) => each === channel);
  const filters = {
    ...(chosen === undefined ? {} : { channel: chosen }),
    ...(step === "" ? {} : { step }),
    ...(status === "" ? {} : { status: status as Status }),
  };
  const messages = useListing<Message>(["messages", journey, filters], (cursor) =>
    answerOf(
      api.GET("/v1/journeys/{key}/messages", {
        params: {
          path: { key: journey },
          query: { ...filters, limit: 50, ...(cursor === undefined ? {} : { cursor }) },
        },
      }),
    ),
  );
  const file = `/v1/journeys/${encodeURIComponent(journey)}/messages/export?${new URLSearchParams(filters)}`;
  return (
    <>
      <Views place={`journeys/${encodeURIComponent(journey)}/messages`} given={[]} />
      <Group gap="sm" mb="sm" className={classes.filters}>
        <Choice
          label={words.channel}
          any={words.anyChannel}
          value={channel}
          options={CHANNELS}
          onChange={setChannel}
        />
        <Choice
          label={words.step}
          any={texts.journeys.people.anyStep}
          value={step}
          options={steps}
          onChange={setStep}
        />
        <Choice
          label={words.state}
          any={words.anyStatus}
          value={status}
          options={STATUSES}
          onChange={setStatus}
        />
        {mayExport && (
          <Button component="a" href={file} download variant="default" size="sm">
            {words.export}
          </Button>
        )}
      </Group>
      <Listing
        label={texts.journeys.tabs.messages}
        query={messages}
        columns={COLUMNS}
        rowKey={(row) => row.id}
        empty={words.empty}
      />
    </>
  );
}
