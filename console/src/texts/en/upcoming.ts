import { counted } from "../plural";

export const upcoming = {
  title: "Upcoming",
  within: "How far ahead",
  windows: { "": "24 hours", "1h": "1 hour", "3d": "3 days", "7d": "7 days" },
  line: (total: number, exact: number) =>
    `At most ${counted(total, "send")}: ${exact} come if nothing happens before, the others are a bound.`,
  chart: "Sends by hour",
  chartWords: (total: number, hours: number) =>
    `${counted(total, "send")} in ${counted(hours, "hour")}, by journey. The table below has each number.`,
  hourWords: (hour: string, total: number, parts: string) =>
    `${hour}: ${counted(total, "send")} (${parts})`,
  others: "other journeys",
  table: "Each hour, journey and step",
  hour: "Hour",
  journey: "Journey",
  step: "Step",
  channel: "Channel",
  by: "Set by",
  count: "Sends",
  atMost: (count: string) => `at most ${count}`,
  bys: { deferral: "a deferral", wait: "a wait", date: "a date", schedule: "a schedule" },
  reason: "Reason",
  withoutTime: "Without a time",
  withoutTimeLine: "They wait for a person, or for another day.",
  empty: "Nothing is due in this time.",
  file: "upcoming.csv",
  exact: "exact",
} as const;
