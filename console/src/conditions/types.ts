import { type CatalogEntry, useAttributes, useEventProperties } from "./catalog";
import type { Subject } from "./parts";
import type { Types } from "./scalarTexts";

/** What is known of the values of something. */
export interface Known {
  readonly types: Types;
  readonly examples: readonly (string | number | boolean)[];
}

const UNKNOWN: Known = { types: [], examples: [] };
const NUMBER: Known = { types: ["number"], examples: [] };

/** What the latest visit of a step may have as its outcome. */
const OUTCOMES = [
  "sent",
  "skipped",
  "failed",
  "unknown",
  "happened",
  "timed_out",
  "elapsed",
  "past",
  "missing",
  "drawn",
  "exhausted",
  "ok",
  "done",
];

function known(entries: readonly CatalogEntry[], name: string): Known {
  const found = entries.find((each) => each.name === name);
  return found === undefined ? UNKNOWN : { types: found.types, examples: found.examples };
}

/** The types and some values of what is compared, as far as the server has seen them. */
export function useTypes(subject: Subject, entryEvents: readonly string[] = []): Known {
  const attributes = useAttributes(subject.of === "attribute");
  const [entryEvent] = entryEvents;
  const event =
    subject.of === "property" ? subject.event : subject.of === "entry" ? (entryEvent ?? "") : "";
  const properties = useEventProperties(event);
  switch (subject.of) {
    case "number":
      return NUMBER;
    case "attribute":
      return known(attributes, subject.name);
    case "property":
    case "entry":
      return known(properties, subject.name);
    case "step":
      return subject.name === "" ? { types: ["text"], examples: OUTCOMES } : UNKNOWN;
  }
}
