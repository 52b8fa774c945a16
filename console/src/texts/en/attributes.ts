import { counted } from "../plural";

export const attributes = {
  title: "Attributes",
  find: "Find an attribute",
  name: "Attribute",
  types: "Types seen",
  examples: "Examples",
  contacts: "Contacts that have it",
  share: "Share",
  used: "Used in",
  tabs: { seen: "What was seen", uses: "Used in" },
  field: "field",
  fieldHint: "Every contact has this field; it has a meaning of its own.",
  typeNames: {
    text: "text",
    number: "number",
    truth: "yes or no",
    list: "list",
    object: "object",
  } as Record<string, string>,
  exact: (contacts: number) => `Of ${counted(contacts, "contact")}, all of which were read.`,
  estimate: (read: number, contacts: number) =>
    `Estimated from ${counted(read, "contact")} of ${contacts.toLocaleString("en")}. What very few have may be missing.`,
  empty: "No contact has an attribute yet. They come with calls of identify:",
  emptyExample: '{"userId": "ada", "traits": {"plan": "pro"}}',
  noneFound: "No attribute is called that.",
  seenNowhere: "No contact that was read has this attribute.",
  manyTypes: "Several types were seen: a condition that compares numbers passes the texts over.",
  noExample: "No short value was seen.",
  condition: "As a condition",
  inText: "In a text",
} as const;
