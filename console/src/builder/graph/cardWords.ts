import type { OutlineItem, Rule, Way } from "@/builder/document/outline";
import type { Path } from "@/builder/document/reading";
import { isValueMap, type Value } from "@/builder/document/values";
import { percent } from "@/components/figures";
import { texts } from "@/texts";

const words = texts.builder;

/** The words for the parts of a journey, as the engine says them. */
export interface EngineWords {
  /** Of steps and of ways, by `placeKey` of their paths. */
  places: ReadonlyMap<string, string>;
  entries: readonly (string | null)[];
  exits: readonly (string | null)[];
  goal: string | null;
}

export const NO_WORDS: EngineWords = { places: new Map(), entries: [], exits: [], goal: null };

/** A path as the key of a map. */
export function placeKey(path: Path): string {
  return JSON.stringify(path);
}

/** A value in one line, for what the engine has no words for yet. */
export function inOneLine(value: Value): string {
  if (isValueMap(value)) {
    return Object.entries(value)
      .map(([key, inner]) => `${key} ${inOneLine(inner)}`)
      .join(", ");
  }
  if (Array.isArray(value)) {
    return value.map(inOneLine).join(", ");
  }
  return value === null ? "" : String(value);
}

/** What a kind of step is called. */
export function kindName(kind: string | null): string {
  return kind === null ? words.unknownKind : (words.kinds[kind] ?? kind);
}

/** Whether the engine's words are the kind and the name alone, which the title says. */
function isName(said: string, item: OutlineItem): boolean {
  return said === `${item.kind?.kind} ${item.id}`;
}

/** What a step does: as the engine says it, else its value in one line. */
export function stepWords(item: OutlineItem, engine: EngineWords): string {
  const said = item.type === "step" ? engine.places.get(placeKey(item.path)) : undefined;
  if (said !== undefined && !isName(said, item)) {
    return said;
  }
  if (item.kind === null || !isValueMap(item.value)) {
    return item.source;
  }
  if (item.type === "step" && item.ways.length > 0) {
    return item.ways.map((way) => (way.role === "else" ? words.otherwise : way.name)).join(" · ");
  }
  return inOneLine(item.value[item.kind.kind] ?? null);
}

/** What a rule says. */
export function ruleWords(rule: Rule, index: number, engine: EngineWords): string {
  const said = rule.type === "goal" ? engine.goal : engine.exits[index];
  return said ?? inOneLine(rule.value);
}

/** What has to hold for a way, or its share. */
export function wayWords(way: Way, engine: EngineWords): string {
  if (way.share !== null) {
    return percent(way.share, 1) ?? "";
  }
  const said = engine.places.get(placeKey(way.path));
  if (said !== undefined) {
    return said;
  }
  const value = isValueMap(way.value) ? way.value.if : undefined;
  return value === undefined ? "" : inOneLine(value);
}
