import { counted } from "../plural";

export const starting = {
  title: "New journey",
  open: "New journey",
  key: "Its key",
  keyHint: "Lower-case letters, digits and hyphens; it stays for good.",
  keyTaken: "There is a journey of this key already.",
  keyWrong: "Use lower-case letters, digits and hyphens, such as spring-sale.",
  from: "Begin with",
  empty: "An empty journey",
  emptyWords: "An event begins it; the steps are yours.",
  create: "Create",
  adds: (count: number) =>
    `${counted(count, "document")} that it needs (topics, templates, segments) are added at once; they send nothing by themselves:`,
  kind: (kind: string, key: string) => `${kind} ${key}`,
} as const;
