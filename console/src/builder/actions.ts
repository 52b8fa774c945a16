import type { Edit } from "@/builder/document/edits";
import type { Outline, OutlineStep, Way } from "@/builder/document/outline";
import type { ValueMap } from "@/builder/document/values";
import { freeId, itemsOf, newStep } from "./newSteps";
import type { ActionName } from "./StepActions";
import { chosenBy, placeOf, stepsOf } from "./selecting";

function onlyOne(outline: Outline, keys: ReadonlySet<string>) {
  const [key] = keys;
  return keys.size === 1 && key !== undefined ? chosenBy(outline, key) : null;
}

/** What can be done with the cards that are chosen. */
export function actionsFor(outline: Outline, keys: ReadonlySet<string>): readonly ActionName[] {
  const only = onlyOne(outline, keys);
  if (only?.type === "way") {
    return actionsForWay(only.way, only.step);
  }
  if (only?.type === "rule") {
    return ["delete"];
  }
  const items = stepsOf(outline, keys);
  if (items.length === 0) {
    return [];
  }
  if (items.every((item) => item.type === "disabled")) {
    return items.length === 1 ? ["enable", "delete"] : ["delete"];
  }
  const several: ActionName[] = [
    "copy",
    "duplicate",
    "wrapBranch",
    "wrapSplit",
    "disable",
    "delete",
  ];
  const kind = only?.type === "item" && only.item.type === "step" ? only.item.kind?.kind : null;
  switch (kind) {
    case "branch":
      return ["addCase", "unwrap", ...several];
    case "split":
      return ["addArm", "unwrap", ...several];
    default:
      return several;
  }
}

/** The others of a branch or a split that can change places with this one: `else` stays last. */
function actionsForWay(way: Way, step: OutlineStep): readonly ActionName[] {
  if (way.implied) {
    return [];
  }
  if (way.role === "else") {
    return ["removeWay"];
  }
  const others = step.ways.filter((each) => each.role !== "else");
  const place = others.indexOf(way);
  return [
    "editWay",
    ...(place > 0 ? (["wayLeft"] as const) : []),
    ...(place < others.length - 1 ? (["wayRight"] as const) : []),
    "removeWay",
  ];
}

function editOfWay(action: ActionName, way: Way): Edit | null {
  const place = Number(way.path.at(-1));
  switch (action) {
    case "removeWay":
      return { edit: "remove-way", way: way.path };
    case "wayLeft":
      return { edit: "reorder", path: way.path, index: place - 1 };
    case "wayRight":
      return { edit: "reorder", path: way.path, index: place + 1 };
    default:
      return null;
  }
}

function idsOf(outline: Outline): Set<string> {
  return new Set(itemsOf(outline.steps).flatMap(({ id }) => id ?? []));
}

/** A branch or a split to put steps into. */
function around(outline: Outline, kind: "branch" | "split") {
  return newStep(kind, idsOf(outline));
}

function newWay(step: OutlineStep): ValueMap {
  const names = new Set(step.ways.map((way) => way.name));
  return step.kind?.kind === "split"
    ? { name: freeId("c", names), weight: 50, then: [] }
    : { name: freeId("other", names), if: { attribute: "country", exists: true }, then: [] };
}

/** The edit that an action stands for; null if it changes nothing. */
export function editFor(
  action: ActionName,
  outline: Outline,
  keys: ReadonlySet<string>,
): Edit | null {
  const only = onlyOne(outline, keys);
  if (only?.type === "way") {
    return editOfWay(action, only.way);
  }
  if (only?.type === "rule") {
    return action === "delete" ? { edit: "unset", path: only.rule.path } : null;
  }
  const items = stepsOf(outline, keys);
  const paths = items.flatMap((item) => (item.type === "step" ? [item.path] : []));
  const [first] = items;
  switch (action) {
    case "delete":
      return { edit: "delete", steps: items.map(placeOf) };
    case "duplicate":
      return { edit: "duplicate", steps: paths };
    case "disable":
      return { edit: "disable", steps: paths };
    case "enable":
      return first?.type === "disabled"
        ? { edit: "enable", step: { list: first.list, disabled: first.disabled } }
        : null;
    case "wrapBranch":
      return { edit: "wrap", steps: paths, around: around(outline, "branch") };
    case "wrapSplit":
      return { edit: "wrap", steps: paths, around: around(outline, "split") };
    case "unwrap":
      return first?.type === "step" ? { edit: "unwrap", step: first.path, way: "all" } : null;
    case "addCase":
    case "addArm":
      return first?.type === "step"
        ? { edit: "add-way", step: first.path, way: newWay(first), index: indexOfNewWay(first) }
        : null;
    default:
      return null;
  }
}

/** Before the `else`, which stays the last. */
function indexOfNewWay(step: OutlineStep): number {
  return step.ways.filter((way) => way.role !== "else").length;
}
