/** Changes of conditions, as values: of a part, a clause, a group. */

import type { Path } from "@/builder/document/reading";
import { isValueMap, type Value, type ValueMap } from "@/builder/document/values";
import { at, renamedKey, replaced } from "./comparing";
import type { Clause, Group, Kind, PropertyPart, Quantifier } from "./parts";
import { asGroup } from "./rebuilding";
import { sentenceOf } from "./sentences";

/** What a new condition of a kind is: its names are still empty. */
export const BEGINNINGS: Readonly<Record<Kind, ValueMap>> = {
  attribute: { attribute: "", is: "" },
  event: { event: "" },
  segment: { segment: "" },
  topic: { topic: "", is: "subscribed" },
  group: { group: "" },
  near: { near: { places: "", km: 1 } },
  message: { message: "", is: "clicked" },
  step: { step: "", is: "" },
  entry: { entry: "", is: "" },
};

/** What a new group of a kind is: with one condition inside to begin with. */
export function newGroup(quantifier: Quantifier): ValueMap {
  return asGroup(quantifier, [BEGINNINGS.attribute]);
}

/** The condition with another name for a property. */
export function withProperty(root: Value, part: PropertyPart, key: string): Value {
  const map = at(root, part.around);
  if (!isValueMap(map) || key in map) {
    return root;
  }
  return replaced(root, part.around, renamedKey(map, part.key, key));
}

/** What can be added to a line. */
export type Addition =
  | "within"
  | "since"
  | "before"
  | "where"
  | "sum"
  | "avg"
  | "min"
  | "max"
  | "property";

const OF_EVENT: readonly Addition[] = [
  "within",
  "since",
  "before",
  "where",
  "sum",
  "avg",
  "min",
  "max",
];

/** What a line could have too. A property that has no name yet comes first. */
export function additionsOf(kind: Kind, value: ValueMap): readonly Addition[] {
  switch (kind) {
    case "event":
      return OF_EVENT.filter((each) => {
        const found = value[each];
        if (each === "within" || each === "since") {
          return value.within === undefined && value.since === undefined;
        }
        return found === undefined || (isValueMap(found) && !("" in found) && each === "where");
      });
    case "message":
      return isValueMap(value.where) && "" in value.where ? [] : ["where"];
    case "step":
      return value.property === undefined ? ["property"] : [];
    default:
      return [];
  }
}

const ADDED: Readonly<Record<Addition, Value>> = {
  within: "30d",
  since: "-30d",
  before: "now",
  where: "",
  sum: { gte: 1 },
  avg: { gte: 1 },
  min: { gte: 1 },
  max: { gte: 1 },
  property: "",
};

/** The line with something more. */
export function withAddition(root: Value, line: Path, addition: Addition): Value {
  const place = [...line, addition];
  const value = ADDED[addition];
  const inside = addition === "where" || isValueMap(value);
  return replaced(root, inside ? [...place, ""] : place, value);
}

/** The condition without a clause; a mapping that it leaves empty goes along. */
export function withoutClause(root: Value, clause: Clause, line: Path): Value {
  const next = replaced(root, clause.at, undefined);
  const around = clause.at.slice(0, -1);
  const left = at(next, around);
  return around.length > line.length && isValueMap(left) && Object.keys(left).length === 0
    ? replaced(next, around, undefined)
    : next;
}

// ------------------------------------------------------------------------------------- groups

/** The conditions of a group. */
export function membersOf(root: Value, group: Group): readonly Value[] {
  const found = at(root, group.at);
  if (group.single) {
    return found === undefined ? [] : [found];
  }
  return Array.isArray(found) ? (found as readonly Value[]) : [];
}

/** The group itself, without what it does not know. */
function rebuilt(
  root: Value,
  group: Group,
  quantifier: Quantifier,
  items: readonly Value[],
): Value {
  const kept = Object.fromEntries(group.kept.map((part) => [String(part.at.at(-1)), part.value]));
  const single = group.single && quantifier === "none";
  return replaced(root, groupPath(group), { ...asGroup(quantifier, items, single), ...kept });
}

/** Where a group stands. */
export function groupPath(group: Group): Path {
  const inside = group.single
    ? 1
    : group.quantifier === "none" || group.quantifier === "not-all"
      ? 2
      : 1;
  return group.at.slice(0, group.at.length - inside);
}

export function withQuantifier(root: Value, group: Group, quantifier: Quantifier): Value {
  return rebuilt(root, group, quantifier, membersOf(root, group));
}

/** The condition with one more member at the end of a group. */
export function withMember(root: Value, group: Group, member: Value): Value {
  return rebuilt(root, group, group.quantifier, [...membersOf(root, group), member]);
}

/** The condition without the member of this place. */
export function withoutMember(root: Value, group: Group, place: number): Value {
  const items = membersOf(root, group).filter((_, index) => index !== place);
  return rebuilt(root, { ...group, single: false }, group.quantifier, items);
}

/** One more condition beside one that stands alone. */
export function joined(root: Value, member: Value): Value {
  return asGroup("all", [root, member]);
}

/** The path of the member that was added last. */
export function lastMember(value: Value): Path | null {
  const sentence = sentenceOf(value);
  if (sentence.form !== "group") {
    return [];
  }
  return sentence.single ? sentence.at : [...sentence.at, sentence.items.length - 1];
}
