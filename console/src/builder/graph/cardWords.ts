import type { OutlineItem, Rule, Way } from "@/builder/document/outline";
import { isValueMap, type Value } from "@/builder/document/values";
import { percent } from "@/components/figures";
import { texts } from "@/texts";

const words = texts.builder;

/** The words for the parts of a journey, as the engine says them; keys are those of the outline. */
export interface EngineWords {
  /** By the id of the step. */
  steps: ReadonlyMap<string, string>;
  entries: readonly string[];
  exits: readonly string[];
  goal: string | null;
  /** By the id of the step and the name of the way. */
  ways: ReadonlyMap<string, string>;
}

export const NO_WORDS: EngineWords = {
  steps: new Map(),
  entries: [],
  exits: [],
  goal: null,
  ways: new Map(),
};

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

/** What a step does: as the engine says it, else its value in one line. */
export function stepWords(item: OutlineItem, engine: EngineWords): string {
  const said = item.id === null ? undefined : engine.steps.get(item.id);
  if (said !== undefined && item.type === "step") {
    return said;
  }
  if (item.kind === null || !isValueMap(item.value)) {
    return item.source;
  }
  if (item.type === "step" && item.ways.length > 0) {
    return item.ways.map((way) => way.name).join(" · ");
  }
  return inOneLine(item.value[item.kind.kind] ?? null);
}

/** What a rule says. */
export function ruleWords(rule: Rule, index: number, engine: EngineWords): string {
  const said = rule.type === "goal" ? engine.goal : engine.exits[index];
  return said ?? inOneLine(rule.value);
}

/** What has to hold for a way, or its share. */
export function wayWords(way: Way, step: string | null, engine: EngineWords): string {
  if (way.share !== null) {
    return percent(way.share, 1) ?? "";
  }
  const said = step === null ? undefined : engine.ways.get(`${step}/${way.name}`);
  if (said !== undefined) {
    return said;
  }
  const value = isValueMap(way.value) ? way.value.if : undefined;
  return value === undefined ? "" : inOneLine(value);
}
