import { Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { answerOf, api } from "@/api/client";
import type { Model } from "@/api/models";
import { useMay } from "@/api/session";
import { type Column, DataTable } from "@/components/DataTable";
import { Page } from "@/components/Page";
import { PlaceLink } from "@/components/PlaceLink";
import { ProblemNotice } from "@/components/ProblemNotice";
import { useDocuments } from "@/documents/DocumentList";
import { usedLink } from "@/documents/UsedLink";
import { useUsedWords } from "@/documents/usedWords";
import { CHANNELS, type Channel } from "@/health/freezes";
import { texts } from "@/texts";

const words = texts.channels;

interface Row {
  channel: Channel;
  /** Its settings; null: it has none of its own. */
  document: Readonly<Record<string, unknown>> | null;
  freeze: Model<"FreezeBody"> | undefined;
}

/** All channels: their settings, whether they are frozen, and who sends by them. */
export function ChannelList() {
  const mayRead = useMay("read");
  const documents = useDocuments("channel");
  const used = useUsedWords("channel");
  const freezes = useQuery({
    queryKey: ["freezes", "now"],
    queryFn: () => answerOf(api.GET("/v1/freezes", { params: { query: { limit: 100 } } })),
    refetchInterval: 30_000,
    enabled: mayRead,
  });
  const rows: readonly Row[] = CHANNELS.map((channel) => {
    const found = documents.rows?.find((each) => each.key === channel);
    return {
      channel,
      document: found === undefined || found.updatedAt === null ? null : found.document,
      freeze: freezes.data?.items.find(
        (each) => each.ended_at === null && ["all", channel].includes(each.channel),
      ),
    };
  });
  const columns: readonly Column<Row>[] = [
    {
      key: "name",
      title: words.name,
      cell: ({ channel }) => (
        <PlaceLink to={`/${channel}`}>{words.names[channel] ?? channel}</PlaceLink>
      ),
    },
    { key: "settings", title: words.settings, cell: ({ document }) => settingsOf(document) },
    { key: "state", title: words.state, cell: ({ freeze }) => <FreezeWords freeze={freeze} /> },
    {
      key: "used",
      title: words.used,
      cell: ({ channel }) => usedLink(channel, used(channel)),
    },
  ];
  return (
    <Page title={words.title} line={words.hint}>
      {documents.error !== null && (
        <ProblemNotice error={documents.error} retry={documents.retry} />
      )}
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
