import { counted } from "../plural";

export const today = {
  title: "Today",
  day: "Day",
  zone: (zone: string) => `A day of ${zone}.`,
  inJourneys: "Contacts in journeys",
  targeted: "People messaged",
  entered: "Entered",
  ended: "Ended",
  goals: "Goals reached",
  refused: "Refused",
  email: "E-mails",
  sms: "SMS",
  webhook: "Webhooks",
  journeys: "Journeys",
  journey: "Journey",
  state: "State",
  active: "Inside",
  waiting: "Waiting",
  deferred: "Deferred",
  retrying: "Retrying",
  sent: "Sent, of all channels",
  trend: "Entries, last days",
  trendWords: (days: number, total: number) =>
    `${counted(total, "entry", "entries")} in ${counted(days, "day")}`,
  empty: "No journey yet. Write one, or start from the library:",
  emptyCommand: "parcours journey new --from welcome",
  now: "Now",
  calm: "Nothing needs a person.",
  next: (total: number, exact: number) =>
    `Within the next hour: ${total === exact ? "" : "at most "}${counted(total, "send")}.`,
  nextNone: "Within the next hour: nothing goes out.",
} as const;
