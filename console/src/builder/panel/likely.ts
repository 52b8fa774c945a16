/** The keys that are offered first where they are absent, by the name of the mapping they are in. */
export const LIKELY: Readonly<Record<string, readonly string[]>> = {
  Email: ["template", "subject", "text", "topic"],
  Sms: ["template", "text", "topic"],
  Webhook: ["url", "body"],
  EventEntry: ["where"],
  EventCondition: ["where", "count", "within"],
  TriggerWait: ["up_to"],
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
