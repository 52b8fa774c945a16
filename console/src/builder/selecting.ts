import type { StepPlace } from "@/builder/document/edits";
import type {
  Outline,
  OutlineItem,
  OutlineStep,
  Rule,
  StepList,
  Way,
} from "@/builder/document/outline";
import type { Range } from "@/builder/document/reading";

/** What stands on a card that can be chosen. */
export type Chosen =
  | { readonly type: "item"; readonly key: string; readonly item: OutlineItem }
  | { readonly type: "way"; readonly key: string; readonly way: Way; readonly step: OutlineStep }
  | { readonly type: "rule"; readonly key: string; readonly rule: Rule }
  | { readonly type: "entry"; readonly key: "entry"; readonly rules: readonly Rule[] };

function ofList(list: StepList | null): Chosen[] {
  return (list?.items ?? []).flatMap((item): Chosen[] => {
    const own: Chosen = { type: "item", key: item.key, item };
    if (item.type === "disabled") {
      return [own];
    }
    const ways = item.ways.flatMap((way): Chosen[] => [
      { type: "way", key: way.key, way, step: item },
      ...ofList(way.steps),
    ]);
    return [own, ...ways];
  });
}

const known = new WeakMap<Outline, ReadonlyMap<string, Chosen>>();

/** Everything that can be chosen, by its key. It is made once for each outline. */
function byKey(outline: Outline): ReadonlyMap<string, Chosen> {
  const found = known.get(outline) ?? new Map(allOf(outline).map((each) => [each.key, each]));
  known.set(outline, found);
  return found;
}

/** Everything that can be chosen in a journey, in the order in which it is read. */
export function choices(outline: Outline): readonly Chosen[] {
  return [...byKey(outline).values()];
}

function allOf(outline: Outline): readonly Chosen[] {
  const rules = [outline.goal, ...outline.exits].filter((rule) => rule !== null);
  return [
    { type: "entry", key: "entry", rules: outline.entries },
    ...ofList(outline.steps),
    ...rules.flatMap((rule): Chosen[] => [
      { type: "rule", key: rule.key, rule },
      ...ofList(rule.steps),
    ]),
  ];
}

/** What stands on the card of a key; null if there is no such card. */
export function chosenBy(outline: Outline, key: string): Chosen | null {
  return byKey(outline).get(key) ?? null;
}

/** Where an item stands, as edits name it. */
export function placeOf(item: OutlineItem): StepPlace {
  return item.type === "step" ? item.path : { list: item.list, disabled: item.disabled };
}

/** The steps among the cards of these keys. */
export function stepsOf(outline: Outline, keys: ReadonlySet<string>): readonly OutlineItem[] {
  return choices(outline).flatMap((each) =>
    each.type === "item" && keys.has(each.key) ? [each.item] : [],
  );
}

/** The items of the list in which a card stands; those of the main line for any other card. */
export function lineAround(outline: Outline, key: string): readonly OutlineItem[] {
  const lists = (list: StepList | null): StepList[] =>
    list === null
      ? []
      : [
          list,
          ...list.items.flatMap((item) =>
            item.type === "step" ? item.ways.flatMap((way) => lists(way.steps)) : [],
          ),
        ];
  const all = [outline.steps, ...outline.exits.map((rule) => rule.steps)].flatMap(lists);
  const found = all.find((list) => list.items.some((item) => item.key === key));
  return (found ?? outline.steps).items;
}

/** The part of the text that a card shows. */
export function rangeOf(chosen: Chosen): Range | null {
  switch (chosen.type) {
    case "item":
      return chosen.item.range;
    case "way":
      return chosen.way.range;
    case "rule":
      return chosen.rule.range;
    case "entry":
      return chosen.rules[0]?.range ?? null;
  }
}
