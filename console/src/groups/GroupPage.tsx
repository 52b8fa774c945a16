import { Redirect, Route, Switch } from "wouter";
import { answerOf, api } from "@/api/client";
import type { Model } from "@/api/models";
import { ContactLink } from "@/components/ContactLink";
import type { Column } from "@/components/DataTable";
import { Instant } from "@/components/Instant";
import { Listing, useListing } from "@/components/Listing";
import { Page } from "@/components/Page";
import { PlaceTabs } from "@/components/PlaceTabs";
import { UsedIn } from "@/documents/UsedIn";
import { texts } from "@/texts";

const words = texts.groups;

type Member = Model<"GroupMemberBody">;

const TABS = [
  { path: "/members", name: words.tabs.members },
  { path: "/uses", name: words.tabs.uses },
] as const;

const COLUMNS: readonly Column<Member>[] = [
  { key: "contact", title: words.contact, cell: (row) => <ContactLink contact={row.contact} /> },
  { key: "email", title: words.email, cell: (row) => row.email ?? texts.parts.none },
  { key: "since", title: words.since, number: true, cell: (row) => <Instant at={row.added_at} /> },
];

/** One group: who is in it, and where it is used. */
export function GroupPage({ group }: { group: string }) {
  return (
    <Page title={group}>
      <PlaceTabs label={group} tabs={TABS} />
      <Switch>
        <Route path="/members">
          <Members group={group} />
        </Route>
        <Route path="/uses">
          <UsedIn kind="group" document={group} />
        </Route>
        <Route path="/">
          <Redirect to="/members" replace />
        </Route>
      </Switch>
    </Page>
  );
}

function Members({ group }: { group: string }) {
  const members = useListing<Member>(["group", group], (cursor) =>
    answerOf(
      api.GET("/v1/groups/{key}/contacts", {
        params: {
          path: { key: group },
          query: { limit: 50, ...(cursor === undefined ? {} : { cursor }) },
        },
      }),
    ),
  );
  return (
    <Listing
      label={words.tabs.members}
      query={members}
      columns={COLUMNS}
      rowKey={(row) => row.contact}
      empty={words.noMembers}
    />
  );
}
