import { counted } from "../plural";

export const segments = {
  title: "Segments",
  name: "Segment",
  state: "State",
  members: "Members",
  memberCount: (count: number) => counted(count, "member"),
  changed: "Changed",
  empty: "No segment yet. A segment is a set of contacts, defined by a condition.",
  open: "New segment",
  filling: (done: number, total: number) => `filling: ${done} of ${counted(total, "contact")}`,
  slow: "it takes long to judge, and is judged apart from the others",
  tabs: { condition: "Condition", members: "Members", changes: "Changes" },
  contact: "Contact",
  email: "E-mail",
  since: "Since",
  at: "At",
  change: "Change",
  by: "By",
  noMembers: "No contact is in it.",
  noChanges: "No contact has entered or left.",
  text: "The condition as text",
  showText: "Show the text",
  save: "Save…",
  saveTitle: (key: string) => `Save the segment ${key}`,
  saveWords: (count: number) =>
    `It counts at once: ${counted(count, "contact matches", "contacts match")} now. Contacts that come in or go out begin and end journeys that follow the segment.`,
  saveBlind:
    "It counts at once. Contacts that come in or go out begin and end journeys that follow the segment.",
} as const;
