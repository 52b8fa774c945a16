/** Whether a condition can be counted over all contacts, and why not. */

import { isValueMap, type Value } from "@/builder/document/values";
import type { Part, Sentence } from "./parts";

/** Why the contacts that match cannot be counted. */
export type Uncountable = "unfinished" | "unknown" | "entry" | "step" | "message";

const OF_RUN = ["entry", "step"] as const;

/** What of a run a value refers to. */
function ofRun(value: Value): Uncountable | null {
  return isValueMap(value) ? (OF_RUN.find((key) => typeof value[key] === "string") ?? null) : null;
}

function ofPart(part: Part): Uncountable | null {
  switch (part.type) {
    case "name":
      return part.value === "" ? "unfinished" : null;
    case "property":
      return part.key === "" ? "unfinished" : null;
    case "duration":
      return part.value === "" ? "unfinished" : null;
    case "moment":
      return part.value === ""
        ? "unfinished"
        : part.value === "entry"
          ? "entry"
          : ofRun(part.value);
    case "operand":
      return part.value === "" ? "unfinished" : ofRun(part.value);
    case "list":
      return part.value.length === 0 ? "unfinished" : null;
    case "kept":
      return "unknown";
    default:
      return null;
  }
}

function first<T>(items: readonly T[], found: (item: T) => Uncountable | null): Uncountable | null {
  for (const item of items) {
    const why = found(item);
    if (why !== null) {
      return why;
    }
  }
  return null;
}

/** Why a condition cannot be counted; null if it can. */
export function uncountable(sentence: Sentence): Uncountable | null {
  switch (sentence.form) {
    case "text":
      return "unknown";
    case "group":
      return first(sentence.items, uncountable) ?? first(sentence.kept, ofPart);
    case "line": {
      const parts = sentence.clauses.flatMap((clause) => clause.parts);
      const unfinished = first(parts, ofPart);
      const { kind } = sentence;
      const needs = kind === "entry" || kind === "step" || kind === "message" ? kind : null;
      return unfinished === "unfinished" ? unfinished : (needs ?? unfinished);
    }
  }
}
