/** Changes of comparisons: another operator, one more, one less. */

import type { Path } from "@/builder/document/reading";
import { isValueMap, type Value, type ValueMap } from "@/builder/document/values";
import { isMoment, isOperator, isScalarValue } from "./comparisons";
import type { Operator, OperatorPart } from "./parts";

/** What can be chosen in the place of an operator: `exists` with its two values. */
export type OperatorChoice = Exclude<Operator, "exists"> | "exists" | "missing";

/** What an operator part says. */
export function choiceOf(part: OperatorPart): OperatorChoice {
  return part.operator === "exists" && part.exists === false ? "missing" : part.operator;
}

/** The value at a path; undefined without one. */
export function at(root: Value | undefined, path: Path): Value | undefined {
  let value = root;
  for (const part of path) {
    if (Array.isArray(value)) {
      value = (value as readonly Value[])[Number(part)];
    } else if (isValueMap(value) && Object.hasOwn(value, String(part))) {
      value = value[String(part)];
    } else {
      return undefined;
    }
  }
  return value;
}

/** The root with another value at a path; undefined takes the key out. */
export function replaced(root: Value, path: Path, value: Value | undefined): Value {
  const [first, ...more] = path;
  if (first === undefined) {
    return value ?? null;
  }
  if (Array.isArray(root)) {
    const items = root as readonly Value[];
    const place = Number(first);
    if (more.length === 0 && value === undefined) {
      return items.filter((_, index) => index !== place);
    }
    return items.map((item, index) => (index === place ? replaced(item, more, value) : item));
  }
  const map = isValueMap(root) ? root : {};
  const key = String(first);
  if (more.length === 0 && value === undefined) {
    return Object.fromEntries(Object.entries(map).filter(([each]) => each !== key));
  }
  const inner = Object.hasOwn(map, key) ? (map[key] ?? null) : {};
  const next = replaced(inner, more, value);
  return Object.hasOwn(map, key)
    ? Object.fromEntries(
        Object.entries(map).map(([each, old]) => [each, each === key ? next : old]),
      )
    : { ...map, [key]: next };
}

/** A mapping with another name for a key, in its old place. */
export function renamedKey(map: ValueMap, key: string, next: string): ValueMap {
  return Object.fromEntries(
    Object.entries(map)
      .filter(([each]) => each !== next || each === key)
      .map(([each, value]) => [each === key ? next : each, value]),
  );
}

/** What an operator begins to compare with, as near as possible to what stood there. */
export function operandFor(next: Operator, before: Value | undefined): Value {
  const items = Array.isArray(before) ? (before as readonly Value[]) : null;
  switch (next) {
    case "in":
    case "not_in":
      if (items !== null) {
        return items;
      }
      return isScalarValue(before) && before !== "" && before !== null ? [before] : [];
    case "before":
    case "after":
      return isMoment(before) && !isScalarValue(before) ? (before as Value) : momentFor(before);
    case "any":
      return isValueMap(before) ? before : { name: "" };
    case "exists":
      return true;
    default: {
      const first = items === null ? before : items[0];
      return isScalarValue(first) && typeof first !== "boolean" ? (first ?? "") : (first ?? "");
    }
  }
}

const DATE = /^(?:\d{4}-\d{2}-\d{2}|[+-]\d|now$|today$)/;

function momentFor(before: Value | undefined): Value {
  return typeof before === "string" && DATE.test(before) ? before : "today";
}

/** The condition with another operator in the place of one. */
export function withOperator(root: Value, part: OperatorPart, choice: OperatorChoice): Value {
  const operator: Operator = choice === "missing" ? "exists" : choice;
  const around = at(root, part.around);
  const before = part.implied ? around : isValueMap(around) ? around[part.operator] : undefined;
  const kept = part.operator === "exists" ? "" : before;
  const operand = operator === "exists" ? choice !== "missing" : operandFor(operator, kept);
  if (part.implied) {
    const plain =
      (operator === "is" && !Array.isArray(operand)) ||
      (operator === "in" && Array.isArray(operand));
    return replaced(root, part.around, plain ? operand : { [operator]: operand });
  }
  if (!isValueMap(around)) {
    return root;
  }
  const renamed = renamedKey(around, part.operator, operator);
  return replaced(root, part.around, { ...renamed, [operator]: operand });
}

/** Operators that are asked together: between two numbers, between two moments. */
const PAIRS: Readonly<Partial<Record<Operator, Operator>>> = {
  gt: "lt",
  gte: "lte",
  lt: "gt",
  lte: "gte",
  after: "before",
  before: "after",
  starts_with: "ends_with",
  contains: "is_not",
};

/** The operator that a comparison may get too; null if there is no likely one. */
export function furtherOperator(operators: readonly Operator[]): Operator | null {
  for (const each of operators) {
    const other = PAIRS[each];
    if (other !== undefined && !operators.includes(other)) {
      return other;
    }
  }
  return null;
}

/** The condition with one more operator in a comparison. */
export function withFurtherOperator(root: Value, around: Path, operator: Operator): Value {
  const map = at(root, around);
  return isValueMap(map)
    ? replaced(
        root,
        [...around, operator],
        operator === "before" ? "now" : operandFor(operator, ""),
      )
    : root;
}

/** The condition without an operator of several. */
export function withoutOperator(root: Value, part: OperatorPart): Value {
  return replaced(root, [...part.around, part.operator], undefined);
}

/** How many operators the comparison of a part has. */
export function operatorsBeside(root: Value, part: OperatorPart): readonly Operator[] {
  const map = at(root, part.around);
  return part.implied || !isValueMap(map) ? [part.operator] : Object.keys(map).filter(isOperator);
}
