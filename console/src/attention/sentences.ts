import { texts } from "@/texts";
import type { Item, Kind } from "./attention";

const { sentences, kinds, reasons } = texts.attention;

/** Causes before what they bring about: once a channel goes on, its sends do. */
const ORDER: readonly Kind[] = [
  "frozen",
  "paused",
  "providers",
  "behind",
  "spool",
  "documents",
  "stuck",
  "unknown",
  "retrying",
  "failed",
];

function rank(kind: Kind): number {
  const found = ORDER.indexOf(kind);
  return found < 0 ? ORDER.length : found;
}

/** What needs a person, causes first; within a kind as the answer has it. */
export function causesFirst(items: readonly Item[]): Item[] {
  return [...items].sort((one, other) => rank(one.kind) - rank(other.kind));
}

/** The reason of an item in words; its own words if it is none of the known codes. */
export function reasonOf(item: Pick<Item, "reason" | "kind">): string | null {
  return item.reason === null ? null : (reasons[item.reason] ?? item.reason);
}

/** One thing that needs a person, as a sentence. */
export function sentenceOf(item: Item): string {
  switch (item.kind) {
    case "frozen":
      return sentences.frozen(item.subject, item.count);
    case "paused":
      return sentences.paused(item.subject, item.count);
    case "providers":
      return sentences.providers(item.subject, item.count);
    case "retrying":
      return sentences.retrying(item.subject, item.count);
    case "failed":
      return sentences.failed(item.subject, item.count);
    default:
      return sentences.other(kinds[item.kind], item.subject);
  }
}
