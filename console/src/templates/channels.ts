/** What templates are for. */
export const CHANNELS = ["email", "sms", "layout"] as const;

export type TemplateChannel = (typeof CHANNELS)[number];

/** What a template is for, by the texts that it has. */
export function channelsOf(
  document: Readonly<Record<string, unknown>>,
): readonly TemplateChannel[] {
  const mail = ["html", "mjml", "text"].some((name) => name in document);
  return [
    ...(mail && "subject" in document ? (["email"] as const) : []),
    ...(mail && !("subject" in document) ? (["layout"] as const) : []),
    ...("sms" in document ? (["sms"] as const) : []),
  ];
}
