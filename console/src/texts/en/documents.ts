import { counted } from "../plural";

const kinds = {
  brand: "brand",
  channel: "channel",
  form: "form",
  holdout: "holdout",
  journey: "journey",
  places: "list of places",
  segment: "segment",
  template: "template",
  test_recipients: "list of test recipients",
  topic: "topic",
} as const;

const many: Readonly<Partial<Record<keyof typeof kinds, string>>> = {
  places: "lists of places",
  test_recipients: "lists of test recipients",
};

export const documents = {
  kinds,
  countOf: (kind: keyof typeof kinds, count: number) =>
    counted(count, kinds[kind], many[kind] ?? `${kinds[kind]}s`),
  name: "Name",
  kind: "Kind",
  state: "State",
  where: "Version",
  steps: "Steps",
  live: "live",
  notLive: "a version that is not live",
  uses: "Used in",
  changed: "Changed",
  draft: "a draft, not saved yet",
  drafted: "· with a draft",
  neverSaved: "A draft: nothing counts before it is saved.",
  savedAt: "saved",
  find: "Find by name",
  noneFound: "Nothing is called that.",
  tabs: { edit: "Edit", read: "Content", versions: "Versions", uses: "Used in" },
  view: "Edit in",
  fields: "Fields",
  text: "Text",
  preview: "Preview",
  problems: (count: number) => counted(count, "problem"),
  problem: (line: number, message: string) => `Line ${line}: ${message}`,
  readOnly: "Your key may not change it.",
  save: "Save…",
  saveTitle: (kind: string, key: string) => `Save the ${kind} ${key}`,
  confirm: "Save",
  becomes: (version: number) => `It becomes version ${version} and counts at once.`,
  layoutAlone: "Only comments, order or quotes change: no new version is made.",
  use: (kind: string, name: string) => `${kind} ${name}`,
  usedIn: (names: string) => `It changes for what uses it: ${names}.`,
  usedNowhere: "Nothing uses it.",
  restore: "Return",
  restoreTo: (version: number) => `Return to version ${version}`,
  restoreWords: (version: number) =>
    `The text of version ${version} becomes a new version, which counts at once. A draft stays as it is.`,
  from: "Begin with",
  keyTaken: "There is one of this key already.",
  create: "Begin",
} as const;
