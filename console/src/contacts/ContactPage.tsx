import { Group, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Redirect, Route, Switch } from "wouter";
import { answerOf, api } from "@/api/client";
import { isNotFound } from "@/api/problems";
import { withQuery } from "@/components/addresses";
import { useFilter } from "@/components/filters";
import { LoadingLine } from "@/components/LoadingLine";
import { Page } from "@/components/Page";
import { PlaceLink } from "@/components/PlaceLink";
import { PlaceTabs } from "@/components/PlaceTabs";
import { ProblemNotice } from "@/components/ProblemNotice";
import { texts } from "@/texts";
import { Consents } from "./Consents";
import { ContactActions } from "./ContactActions";
import { ContactMessages } from "./ContactMessages";
import { ContactRuns } from "./ContactRuns";
import { nameOf } from "./naming";
import { Profile } from "./Profile";
import { RunningFreezes } from "./RunningFreezes";
import { Suppressed } from "./Suppressed";
import { Timeline } from "./Timeline";
import { Why } from "./Why";

const words = texts.contacts;
const REFRESH = 10_000;

const TABS = [
  { path: "/timeline", name: words.tabs.timeline },
  { path: "/journeys", name: words.tabs.journeys },
  { path: "/messages", name: words.tabs.messages },
  { path: "/consents", name: words.tabs.consents },
  { path: "/why", name: words.tabs.why },
  { path: "/profile", name: words.tabs.profile },
] as const;

/** One contact: who it is, and a tab for each thing one asks about it. */
export function ContactPage({ contact }: { contact: string }) {
  const [action] = useFilter("do");
  const found = useQuery({
    queryKey: ["contact", contact],
    queryFn: () => answerOf(api.GET("/v1/contacts/{contact}", { params: { path: { contact } } })),
    // While it is being erased there is nothing to read any more.
    refetchInterval: action === "erase" ? false : REFRESH,
  });
  if (found.data === undefined) {
    return found.isError ? (
      <Page title={contact}>
        {isNotFound(found.error) ? (
          <p>{texts.parts.notFound}</p>
        ) : (
          <ProblemNotice error={found.error} retry={() => found.refetch()} />
        )}
      </Page>
    ) : (
      <LoadingLine />
    );
  }
  const body = found.data;
  return (
    <Page
      title={nameOf(body)}
      actions={<ContactActions body={body} contact={contact} />}
      line={
        <Group gap="md">
          <code>{body.external_id ?? body.id}</code>
          {body.phone !== null && <span>{body.phone}</span>}
          {body.timezone !== null && <span>{body.timezone}</span>}
          {body.restricted && (
            <Text size="sm" fw={600}>
              {words.restricted}
            </Text>
          )}
          {body.shares_email_with > 0 && <span>{words.sharesEmail(body.shares_email_with)}</span>}
          {body.aliases.length > 0 && (
            <span>
              {words.aliases}: {body.aliases.join(", ")}
            </span>
          )}
          <Suppressed body={body} />
          <RunningFreezes />
          <PlaceLink to={`~${withQuery("/audit", { subject: `contact:${body.id}` })}`}>
            {words.audit}
          </PlaceLink>
        </Group>
      }
    >
      <PlaceTabs label={nameOf(body)} tabs={TABS} />
      <Switch>
        <Route path="/timeline">
          <Timeline contact={contact} />
        </Route>
        <Route path="/journeys">
          <ContactRuns contact={contact} />
        </Route>
        <Route path="/messages">
          <ContactMessages contact={contact} />
        </Route>
        <Route path="/consents">
          <Consents contact={contact} />
        </Route>
        <Route path="/why">
          <Why contact={contact} />
        </Route>
        <Route path="/profile">
          <Profile body={body} />
        </Route>
        <Route path="/">
          <Redirect to="/timeline" replace />
        </Route>
      </Switch>
    </Page>
  );
}
