import type { Model } from "@/api/models";

type Scope = Model<"NewKey">["scope"];

export const keys = {
  title: "Keys",
  name: "Name",
  nameHint: "Whose it is, or what it is for. The audit log names it.",
  scope: "Scope",
  state: "State",
  created: "Made",
  lastUsed: "Last used",
  expires: "Expires",
  never: "never",
  expiresHint: "Empty: it does not expire.",
  source: "Source",
  sourceHint: "Keys of one source share the ids of their messages.",
  origins: "Origins",
  originsHint: "For keys in pages: one address a line, such as https://shop.example. Empty: any.",
  perMinute: "Events per minute",
  perMinuteHint: "Of one address. Empty: no bound.",
  make: "Make a key",
  making: "Make a key",
  makeWords: "The key is shown once. Only its hash is stored.",
  made: (name: string) => `The key ${name}`,
  madeWords: "Copy it now: it is not shown again.",
  close: "I have it",
  revoke: "Revoke",
  revokeTitle: (name: string) => `Revoke ${name}`,
  revokeWords: (name: string, scope: string, used: string) =>
    `Calls with the key ${name} (${scope}, ${used}) are refused from now on: here at once, elsewhere within five seconds. This cannot be taken back.`,
  revokeOwn: "It is the key of this session: you are signed out.",
  usedAt: (at: string) => `last used ${at}`,
  neverUsed: "never used",
  empty: "No key yet.",
  scopes: {
    ingest: "ingest: send events and contacts",
    read: "read: see all, change nothing",
    edit: "edit: write documents",
    operate: "operate: run and repair",
    admin: "admin: keys, unfreezing, erasure, exports",
  } satisfies Record<Scope, string>,
} as const;
