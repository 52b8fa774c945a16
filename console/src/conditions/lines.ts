/** The clauses of conditions that are no groups, by their kinds. */

import type { Path } from "@/builder/document/reading";
import { isValueMap, type Value, type ValueMap } from "@/builder/document/values";
import { askedParts, isMoment, operatorParts } from "./comparisons";
import type { Clause, KeptPart, Kind, NamePart, Names, Part, Subject, Word } from "./parts";

/** What stands under the other keys of a mapping. */
export function keptParts(map: ValueMap, at: Path, known: readonly string[]): readonly KeptPart[] {
  return Object.entries(map)
    .filter(([key]) => !known.includes(key))
    .map(([key, value]) => ({ type: "kept", at: [...at, key], value }));
}

type Reader = (value: ValueMap, at: Path) => readonly Clause[] | null;

function word(text: Word): Part {
  return { type: "word", word: text };
}

/** The name under a key; null if something else than a name stands there. */
function nameAt(value: ValueMap, at: Path, key: string, names: Names): NamePart | null {
  const found = value[key];
  return typeof found === "string" ? { type: "name", at: [...at, key], value: found, names } : null;
}

function head(at: Path, parts: readonly Part[]): Clause {
  return { at, removable: false, parts };
}

/** What stands in a mapping besides the keys that are known, each as a clause of its own. */
function rest(value: ValueMap, at: Path, known: readonly string[]): readonly Clause[] {
  return keptParts(value, at, known).map((part) => ({
    at: part.at,
    removable: true,
    parts: [part],
  }));
}

/** The clauses of `where`: one for each property. */
function whereClauses(value: ValueMap, at: Path, event: string): readonly Clause[] {
  const where = value.where;
  if (where === undefined) {
    return [];
  }
  const place = [...at, "where"];
  if (!isValueMap(where) || Object.keys(where).length === 0) {
    return [{ at: place, removable: true, parts: [{ type: "kept", at: place, value: where }] }];
  }
  return Object.entries(where).map(([key, asked], index) => ({
    at: [...place, key],
    removable: true,
    parts: [
      word(index === 0 ? "where" : "and"),
      { type: "property", around: place, key, event },
      ...askedParts(asked, [...place, key], { of: "property", event, name: key }),
    ],
  }));
}

const MEASURES = ["sum", "avg", "min", "max"] as const;

function measureClauses(value: ValueMap, at: Path, event: string): readonly Clause[] {
  return MEASURES.flatMap((measure): readonly Clause[] => {
    const found = value[measure];
    if (found === undefined) {
      return [];
    }
    const place = [...at, measure];
    if (!isValueMap(found) || Object.keys(found).length === 0) {
      return [{ at: place, removable: true, parts: [{ type: "kept", at: place, value: found }] }];
    }
    return Object.entries(found).map(([key, asked]) => ({
      at: [...place, key],
      removable: true,
      parts: [
        word(measure),
        { type: "property", around: place, key, event },
        ...askedParts(asked, [...place, key], { of: "number" }),
      ],
    }));
  });
}

function periodClauses(value: ValueMap, at: Path): readonly Clause[] {
  return (["within", "since", "before"] as const).flatMap((key): readonly Clause[] => {
    const found = value[key];
    if (found === undefined) {
      return [];
    }
    const place = [...at, key];
    const known = key === "within" ? typeof found === "string" : isMoment(found);
    const part: Part =
      key === "within" && typeof found === "string"
        ? { type: "duration", at: place, value: found }
        : known
          ? { type: "moment", at: place, value: found }
          : { type: "kept", at: place, value: found };
    return [{ at: place, removable: true, parts: known ? [word(key), part] : [part] }];
  });
}

const OF_EVENTS = ["event", "count", "within", "since", "before", "where", ...MEASURES];

function ofEvent(value: ValueMap, at: Path): readonly Clause[] | null {
  const event = nameAt(value, at, "event", "events");
  if (event === null) {
    return null;
  }
  const times = { type: "times", at: [...at, "count"], value: value.count } as const;
  return [
    head(at, [word("has"), event, times]),
    ...periodClauses(value, at),
    ...whereClauses(value, at, event.value),
    ...measureClauses(value, at, event.value),
    ...rest(value, at, OF_EVENTS),
  ];
}

/** A line that compares something: what it is, and the operators. */
function compared(
  value: ValueMap,
  at: Path,
  subject: Subject,
  parts: readonly Part[],
  keys: readonly string[],
): readonly Clause[] {
  const operators = operatorParts(value, at, subject, new Set(keys));
  return [head(at, [...parts, ...operators])];
}

function ofAttribute(value: ValueMap, at: Path): readonly Clause[] | null {
  const name = nameAt(value, at, "attribute", "attributes");
  return name === null
    ? null
    : compared(value, at, { of: "attribute", name: name.value }, [name], ["attribute"]);
}

function ofEntry(value: ValueMap, at: Path): readonly Clause[] | null {
  const name = nameAt(value, at, "entry", "properties");
  const subject: Subject = { of: "entry", name: name?.value ?? "" };
  return name === null ? null : compared(value, at, subject, [word("entry"), name], ["entry"]);
}

function ofStep(value: ValueMap, at: Path): readonly Clause[] | null {
  const step = nameAt(value, at, "step", "steps");
  if (step === null || (value.property !== undefined && typeof value.property !== "string")) {
    return null;
  }
  const property = nameAt(value, at, "property", "properties");
  const subject: Subject = { of: "step", step: step.value, name: property?.value ?? "" };
  const parts = [word("step"), step, ...(property === null ? [] : [property])];
  return compared(value, at, subject, parts, ["step", "property"]);
}

function ofMessage(value: ValueMap, at: Path): readonly Clause[] | null {
  const step = nameAt(value, at, "message", "steps");
  const status = value.is;
  if (step === null || typeof status !== "string") {
    return null;
  }
  const choice = { type: "choice", at: [...at, "is"], value: status, choice: "status" } as const;
  return [
    head(at, [word("message"), step, word("was"), choice]),
    ...whereClauses(value, at, MESSAGE_EVENTS[status] ?? ""),
    ...rest(value, at, ["message", "is", "where"]),
  ];
}

/** The events whose properties the `where` of a message is about. */
const MESSAGE_EVENTS: Readonly<Record<string, string>> = {
  delivered: "Message Delivered",
  opened: "Message Opened",
  clicked: "Message Clicked",
  bounced: "Message Bounced",
  replied: "Message Replied",
};

function ofTopic(value: ValueMap, at: Path): readonly Clause[] | null {
  const topic = nameAt(value, at, "topic", "topics");
  const state = value.is;
  if (topic === null || typeof state !== "string") {
    return null;
  }
  const choice = { type: "choice", at: [...at, "is"], value: state, choice: "consent" } as const;
  return [head(at, [word("consent"), choice, topic]), ...rest(value, at, ["topic", "is"])];
}

function ofNamed(key: string, names: Names, before: Word): Reader {
  return (value, at) => {
    const name = nameAt(value, at, key, names);
    return name === null ? null : [head(at, [word(before), name]), ...rest(value, at, [key])];
  };
}

/** A number, or what is on the way to one while it is typed. */
function isNumberLike(value: Value | undefined): value is number | string {
  return typeof value === "number" || typeof value === "string";
}

function ofNear(value: ValueMap, at: Path): readonly Clause[] | null {
  const near = value.near;
  if (!isValueMap(near) || !isNumberLike(near.km)) {
    return null;
  }
  const place = [...at, "near"];
  const km = { type: "number", at: [...place, "km"], value: near.km, label: "km" } as const;
  const places = nameAt(near, place, "places", "places");
  const degrees = (["lat", "lon"] as const).flatMap((label): readonly Part[] => {
    const found = near[label];
    return isNumberLike(found)
      ? [{ type: "number", at: [...place, label], value: found, label }]
      : [];
  });
  const known = ["km", ...(places === null ? [] : ["places"])];
  for (const label of ["lat", "lon"]) {
    if (isNumberLike(near[label])) {
      known.push(label);
    }
  }
  return [
    head(at, [word("near"), km, word("of"), ...(places === null ? [] : [places]), ...degrees]),
    ...rest(near, place, known),
    ...rest(value, at, ["near"]),
  ];
}

const CLAUSES: Readonly<Record<Kind, Reader>> = {
  attribute: ofAttribute,
  event: ofEvent,
  segment: ofNamed("segment", "segments", "inSegment"),
  topic: ofTopic,
  group: ofNamed("group", "groups", "inGroup"),
  near: ofNear,
  message: ofMessage,
  step: ofStep,
  entry: ofEntry,
};

/** The clauses of a condition of a kind; null if it has a form that the editor does not know. */
export function clausesOf(kind: Kind, value: ValueMap, at: Path): readonly Clause[] | null {
  return CLAUSES[kind](value, at);
}

/** The clauses of a trigger's `where`. */
export function whereOf(value: ValueMap, event: string): readonly Clause[] {
  return whereClauses(value, [], event);
}
