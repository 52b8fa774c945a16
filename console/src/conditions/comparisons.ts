/** Parts of comparisons: operators, and what they compare with. */

import type { Path } from "@/builder/document/reading";
import { isValueMap, type Value, type ValueMap } from "@/builder/document/values";
import { OPERATORS, type Operator, type Part, type Subject } from "./parts";

/** Whether a value is no list and no mapping. */
export function isScalarValue(value: Value | undefined): value is string | number | boolean | null {
  return value !== undefined && (typeof value !== "object" || value === null);
}

/** Whether a key of a comparison is an operator. */
export function isOperator(key: string): key is Operator {
  return (OPERATORS as readonly string[]).includes(key);
}

const REFERENCES: readonly (readonly string[])[] = [["entry"], ["attribute"], ["step", "property"]];
const SHIFTS: ReadonlySet<string> = new Set(["every", "offset", "at"]);

function names(value: ValueMap, keys: readonly string[]): boolean {
  return keys.every((key) => typeof value[key] === "string");
}

/** Whether a value is a reference to another one: `{entry: total}`. */
export function isReference(value: Value | undefined): value is ValueMap {
  return (
    isValueMap(value) &&
    REFERENCES.some(
      (keys) => Object.keys(value).length === keys.length && names(value as ValueMap, keys),
    )
  );
}

/** Whether a value is a moment by its form: a text, a number, or a reference that may be shifted. */
export function isMoment(value: Value | undefined): boolean {
  if (typeof value === "string" || typeof value === "number") {
    return true;
  }
  if (!isValueMap(value)) {
    return false;
  }
  return REFERENCES.some(
    (keys) =>
      names(value, keys) &&
      Object.entries(value).every(
        ([key, inner]) => keys.includes(key) || (SHIFTS.has(key) && typeof inner === "string"),
      ),
  );
}

/** A property as one comes to it inside of another one. */
function inside(subject: Subject, key: string): Subject {
  switch (subject.of) {
    case "attribute":
      return { of: "attribute", name: `${subject.name}.${key}` };
    case "property":
      return { ...subject, name: `${subject.name}.${key}` };
    case "entry":
      return { of: "entry", name: `${subject.name}.${key}` };
    case "step":
      return { ...subject, name: `${subject.name}.${key}` };
    case "number":
      return subject;
  }
}

/** The parts of what an operator compares with; kept as text in a form that is not known. */
function compared(operator: Operator, at: Path, value: Value, subject: Subject): readonly Part[] {
  switch (operator) {
    case "in":
    case "not_in":
      if (Array.isArray(value) && value.every((item) => isScalarValue(item as Value))) {
        return [{ type: "list", at, value: value as readonly Value[], subject }];
      }
      return isReference(value)
        ? [{ type: "operand", at, value, subject }]
        : [{ type: "kept", at, value }];
    case "before":
    case "after":
      return [isMoment(value) ? { type: "moment", at, value } : { type: "kept", at, value }];
    case "any":
      return isValueMap(value) && Object.keys(value).length > 0
        ? propertiesParts(value, at, (key) => inside(subject, key))
        : [{ type: "kept", at, value }];
    default:
      return isScalarValue(value) || isReference(value)
        ? [{ type: "operand", at, value, subject }]
        : [{ type: "kept", at, value }];
  }
}

/** The parts of the operators that a mapping has; `without` are keys that are none of them. */
export function operatorParts(
  map: ValueMap,
  at: Path,
  subject: Subject,
  without: ReadonlySet<string>,
): readonly Part[] {
  const parts: Part[] = [];
  for (const [key, value] of Object.entries(map)) {
    if (without.has(key)) {
      continue;
    }
    if (!isOperator(key)) {
      continue;
    }
    if (parts.length > 0) {
      parts.push({ type: "word", word: "and" });
    }
    const shared = {
      type: "operator",
      around: at,
      operator: key,
      implied: false,
      subject,
    } as const;
    if (key === "exists" && typeof value === "boolean") {
      parts.push({ ...shared, exists: value });
    } else {
      parts.push(shared, ...compared(key, [...at, key], value, subject));
    }
  }
  for (const [key, value] of Object.entries(map)) {
    if (!without.has(key) && !isOperator(key)) {
      parts.push({ type: "kept", at: [...at, key], value });
    }
  }
  return parts;
}

const NO_KEYS: ReadonlySet<string> = new Set();

/** The parts of what is asked of one property: a plain value means `is`, a list `in`. */
export function askedParts(value: Value, at: Path, subject: Subject): readonly Part[] {
  if (isScalarValue(value) || isReference(value)) {
    return [
      { type: "operator", around: at, operator: "is", implied: true, subject },
      { type: "operand", at, value, subject },
    ];
  }
  if (Array.isArray(value)) {
    return [
      { type: "operator", around: at, operator: "in", implied: true, subject },
      ...compared("in", at, value, subject),
    ];
  }
  if (isValueMap(value) && Object.keys(value).some(isOperator)) {
    return operatorParts(value, at, subject, NO_KEYS);
  }
  return [{ type: "kept", at, value }];
}

/** The parts of all properties of a mapping such as `where`. */
export function propertiesParts(
  map: ValueMap,
  at: Path,
  subject: (key: string) => Subject,
): readonly Part[] {
  return Object.entries(map).flatMap(([key, value], place): readonly Part[] => {
    const about = subject(key);
    const event = about.of === "property" ? about.event : "";
    return [
      ...(place === 0 ? [] : [{ type: "word", word: "and" } as const]),
      { type: "property", around: at, key, event },
      ...askedParts(value, [...at, key], about),
    ];
  });
}
