import { Button, Text } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { Redirect, Route, Switch, useLocation } from "wouter";
import { beginDraft } from "@/api/documents";
import { useMay } from "@/api/session";
import { LoadingLine } from "@/components/LoadingLine";
import { Page } from "@/components/Page";
import { PlaceTabs } from "@/components/PlaceTabs";
import { ProblemNotice } from "@/components/ProblemNotice";
import { useDocuments } from "@/documents/DocumentList";
import { DocumentPage } from "@/documents/DocumentPage";
import { UsedIn } from "@/documents/UsedIn";
import { texts } from "@/texts";

const words = texts.channels;

const TABS = [
  { path: "/edit", name: words.settings },
  { path: "/uses", name: words.used },
] as const;

/** One channel: its settings, if it has some, and who sends by it. */
export function ChannelPage({ channel }: { channel: string }) {
  const { rows, error, retry } = useDocuments("channel");
  const name = words.names[channel];
  if (rows === undefined) {
    return error === null ? (
      <LoadingLine />
    ) : (
      <Page title={name ?? channel}>
        <ProblemNotice error={error} retry={retry} />
      </Page>
    );
  }
  if (name === undefined || rows.some(({ key }) => key === channel)) {
    return <DocumentPage kind="channel" document={channel} title={name ?? channel} />;
  }
  return (
    <Page title={name}>
      <PlaceTabs label={name} tabs={TABS} />
      <Switch>
        <Route path="/edit">
          <Bare channel={channel} name={name} />
        </Route>
        <Route path="/uses">
          <UsedIn kind="channel" document={channel} />
        </Route>
        <Route path="/">
          <Redirect to="/edit" replace />
        </Route>
      </Switch>
    </Page>
  );
}

/** A channel without settings: webhooks have none, the others can get some. */
function Bare({ channel, name }: { channel: string; name: string }) {
  const mayEdit = useMay("edit");
  const queries = useQueryClient();
  const [, navigate] = useLocation();
  const setUp = useMutation({
    mutationFn: () => beginDraft("channel", channel, `channel: ${channel}\n`),
    onSuccess: async () => {
      await queries.invalidateQueries({ queryKey: ["drafts", "channel"] });
      navigate("/edit");
    },
  });
  if (channel === "webhook") {
    return <Text>{words.webhook}</Text>;
  }
  return (
    <>
      <Text mb="sm">{words.bare}</Text>
      {setUp.isError && <ProblemNotice error={setUp.error} />}
      {mayEdit && (
        <Button loading={setUp.isPending} onClick={() => setUp.mutate()}>
          {words.setUp(name)}
        </Button>
      )}
    </>
  );
}
