import { Button } from "@mantine/core";
import { useState } from "react";
import { answerOf, api } from "@/api/client";
import type { Model } from "@/api/models";
import type { Column } from "@/components/DataTable";
import { Instant } from "@/components/Instant";
import { Listing, useListing } from "@/components/Listing";
import { Page } from "@/components/Page";
import { StateBadge } from "@/components/StateBadge";
import { texts } from "@/texts";
import { MakeKey } from "./MakeKey";
import { RevokeKey } from "./RevokeKey";

const words = texts.keys;

export type Key = Model<"KeyBody">;
export const KEYS = ["keys"] as const;

const COLUMNS: readonly Column<Key>[] = [
  { key: "name", title: words.name, cell: (key) => key.name },
  { key: "scope", title: words.scope, cell: (key) => key.scope },
  { key: "state", title: words.state, cell: (key) => <StateBadge state={key.state} /> },
  { key: "created", title: words.created, cell: (key) => <Instant at={key.created_at} /> },
  {
    key: "used",
    title: words.lastUsed,
    cell: (key) => <Instant at={key.last_used_at} relative />,
  },
  {
    key: "expires",
    title: words.expires,
    cell: (key) => (key.expires === null ? words.never : <Instant at={key.expires} />),
  },
];

/** The keys of the API: who has which scope, made and revoked here. */
export function Keys() {
  const [making, setMaking] = useState(false);
  const [revoked, setRevoked] = useState<Key | null>(null);
  const keys = useListing<Key>(KEYS, (cursor) =>
    answerOf(api.GET("/v1/keys", { params: { query: cursor === undefined ? {} : { cursor } } })),
  );
  const revoke: Column<Key> = {
    key: "revoke",
    title: words.revoke,
    act: true,
    head: <span className="spoken">{words.revoke}</span>,
    cell: (key) =>
      key.state === "revoked" ? (
        <Instant at={key.revoked_at} />
      ) : (
        <Button
          variant="subtle"
          color="red"
          c="var(--state-failed)"
          size="compact-xs"
          aria-label={words.revokeTitle(key.name)}
          onClick={() => setRevoked(key)}
        >
          {words.revoke}
        </Button>
      ),
  };
  return (
    <Page
      title={words.title}
      actions={<Button onClick={() => setMaking(true)}>{words.make}</Button>}
    >
      <Listing
        label={words.title}
        query={keys}
        columns={[...COLUMNS, revoke]}
        rowKey={(key) => key.id}
        empty={words.empty}
      />
      {making && <MakeKey onClose={() => setMaking(false)} />}
      {revoked !== null && <RevokeKey listed={revoked} onClose={() => setRevoked(null)} />}
    </Page>
  );
}
