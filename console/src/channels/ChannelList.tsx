import { Button, Text } from "@mantine/core";
import { useMutation, useQuery } from "@tanstack/react-query";
import { useLocation } from "wouter";
import { answerOf, api } from "@/api/client";
import { beginDraft } from "@/api/documents";
import type { Model } from "@/api/models";
import { useMay } from "@/api/session";
import { type Column, DataTable } from "@/components/DataTable";
import { Page } from "@/components/Page";
import { PlaceLink } from "@/components/PlaceLink";
import { ProblemNotice } from "@/components/ProblemNotice";
import { useDocuments } from "@/documents/DocumentList";
import { useUsedWords } from "@/documents/usedWords";
import { CHANNELS, type Channel } from "@/health/freezes";
import { texts } from "@/texts";

const words = texts.channels;

/** The channels that have a document of settings: those whose messages go to the contact. */
const WITH_SETTINGS: readonly Channel[] = ["email", "sms"];

interface Row {
  channel: Channel;
  /** Its settings; null: it has none of its own. */
  document: Readonly<Record<string, unknown>> | null;
  drafted: boolean;
  freeze: Model<"FreezeBody"> | undefined;
}

/** All channels: their settings, whether they are frozen, and who sends by them. */
export function ChannelList() {
  const mayEdit = useMay("edit");
  const mayRead = useMay("read");
  const [, navigate] = useLocation();
  const documents = useDocuments("channel");
  const used = useUsedWords("channel");
  const freezes = useQuery({
    queryKey: ["freezes", "now"],
    queryFn: () => answerOf(api.GET("/v1/freezes", { params: { query: { limit: 100 } } })),
    refetchInterval: 30_000,
    enabled: mayRead,
  });
  const setUp = useMutation({
    mutationFn: (channel: Channel) => beginDraft("channel", channel, `channel: ${channel}\n`),
    onSuccess: (_, channel) => navigate(`/${channel}`),
  });
  const rows: readonly Row[] = CHANNELS.map((channel) => {
    const found = documents.rows?.find((each) => each.key === channel);
    return {
      channel,
      document: found === undefined || found.updatedAt === null ? null : found.document,
      drafted: found?.drafted === true,
      freeze: freezes.data?.items.find(
        (each) => each.ended_at === null && ["all", channel].includes(each.channel),
      ),
    };
  });
  const columns: readonly Column<Row>[] = [
    {
      key: "name",
      title: words.name,
      cell: ({ channel, document, drafted }) => {
        const name = words.names[channel] ?? channel;
        return document === null && !drafted ? (
          name
        ) : (
          <PlaceLink to={`/${channel}`}>{name}</PlaceLink>
        );
      },
    },
    { key: "settings", title: words.settings, cell: ({ document }) => settingsOf(document) },
    { key: "state", title: words.state, cell: ({ freeze }) => <FreezeWords freeze={freeze} /> },
    { key: "used", title: words.used, cell: ({ channel }) => used(channel) },
    {
      key: "set-up",
      title: "",
      head: <span className="spoken">{words.settings}</span>,
      cell: ({ channel, document, drafted }) =>
        mayEdit && document === null && !drafted && WITH_SETTINGS.includes(channel) ? (
          <Button
            variant="default"
            size="compact-sm"
            loading={setUp.isPending && setUp.variables === channel}
            onClick={() => setUp.mutate(channel)}
          >
            {words.setUp(words.names[channel] ?? channel)}
          </Button>
        ) : (
          texts.parts.none
        ),
    },
  ];
  return (
    <Page title={words.title} line={words.hint}>
      {documents.error !== null && (
        <ProblemNotice error={documents.error} retry={documents.retry} />
      )}
      {setUp.isError && <ProblemNotice error={setUp.error} />}
      {documents.rows !== undefined && (
        <DataTable
          label={words.title}
          columns={columns}
          rows={rows}
          rowKey={(row) => row.channel}
        />
      )}
      <Text size="sm" className="quiet" mt="md">
        {words.webhook}
      </Text>
    </Page>
  );
}

/** The settings that a channel has, by their names. */
function settingsOf(document: Row["document"]): string {
  const keys = Object.keys(document ?? {}).filter((key) => key !== "channel");
  return keys.length === 0 ? words.none : keys.map((key) => words.keys[key] ?? key).join(", ");
}

function FreezeWords({ freeze }: Pick<Row, "freeze">) {
  if (freeze === undefined) {
    return (
      <span className="state" data-state="good">
        {words.sends}
      </span>
    );
  }
  return (
    <PlaceLink to="~/health/freezes">
      <span className="state" data-state="deferred" title={freeze.reason}>
        {words.frozen[freeze.stops] ?? freeze.stops}
      </span>
    </PlaceLink>
  );
}
