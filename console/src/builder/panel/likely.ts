import type { Value } from "@/builder/document/values";

/** The keys that are offered first where they are absent, by the name of the mapping they are in. */
export const LIKELY: Readonly<Record<string, readonly string[]>> = {
  Email: ["template", "subject", "text", "topic"],
  Sms: ["template", "text", "topic"],
  Webhook: ["url", "body"],
  EventEntry: ["where", "if", "key"],
  SegmentEntry: ["on", "if", "backfill"],
  GroupEntry: ["on", "if", "backfill"],
  AttributeEntry: ["from", "to", "if"],
  DateEntry: ["if"],
  ScheduleEntry: ["if"],
  NearEntry: ["if"],
  ApiEntry: ["if"],
  EventGoal: ["where", "within", "value"],
  MessageGoal: ["within"],
  EventExit: ["where"],
  UntilWait: ["days", "up_to"],
  TriggerWait: ["where", "up_to"],
  Brand: ["logo", "colour", "address", "from"],
  Form: ["title", "intro", "button", "topic", "consent", "thanks"],
  FormField: ["type", "required"],
  FormLocale: ["title", "button", "thanks"],
  Template: ["subject", "preheader", "html", "text", "locales"],
  TemplateContent: ["subject", "html", "text"],
  Journey: ["name", "goal", "exit", "re_entry"],
  Update: ["set"],
};

/** The keys whose text is written in several lines. */
export const LONG_TEXTS: ReadonlySet<string> = new Set([
  "html",
  "mjml",
  "text",
  "body",
  "sms",
  "intro",
  "consent",
]);

/** The keys that stand in the document for steps, which the graph shows and not the panel. */
export const STEPS_INSIDE: ReadonlySet<string> = new Set(["then", "steps"]);

/** The keys that a key stands instead of: they go when it is added, as long as they are empty. */
export const REPLACED_BY: Readonly<Record<string, readonly string[]>> = {
  template: ["subject", "html", "mjml", "text"],
};

/** The keys whose text is a duration. */
export const DURATIONS: ReadonlySet<string> = new Set([
  "after",
  "apart",
  "for",
  "max_age",
  "per",
  "up_to",
  "wait",
  "within",
]);

/** What a key begins with, where it is more than the smallest value of its form. */
export const STARTS: Readonly<Record<string, Value>> = {
  after: "7d",
  apart: "4h",
  cap: { max: 3, per: "7d" },
  days: "mon-fri",
  for: "1d",
  max_age: "1d",
  on: "leave",
  per: "7d",
  quiet_hours: { from: "21:00", to: "08:00" },
  until: "09:00",
  up_to: "1d",
  wait: "1d",
  where: { "": "" },
  window: { days: "mon-fri", from: "09:00", to: "18:00" },
  within: "7d",
};
