import { counted } from "../plural";

export const starting = {
  title: "New journey",
  open: "New journey",
  key: "Name, of which its key is made",
  keyHint: "The key stands in addresses, files and reports, and stays for good.",
  keyIs: (key: string) => `Its key is ${key}, for good.`,
  keyTaken: "There is a journey of this key already.",
  keyWrong: "Use some letters of a to z or digits, such as Spring sale.",
  from: "Begin with",
  empty: "An empty journey",
  emptyWords: "An event begins it; the steps are yours.",
  create: "Create",
  adds: (count: number) =>
    `${counted(count, "document")} that it needs (topics, templates, segments) are added at once; they send nothing by themselves:`,
  kind: (kind: string, key: string) => `${kind} ${key}`,
} as const;
