import type { Outline, StepList } from "@/builder/document/outline";
import type { Heights } from "@/builder/layout/cards";

/** A card's edge and title, and each line of words in it, in pixels. */
const HEAD = 34;
const LINE = 18;
const STEP = 84;
const SHORT = 36;
/** Steps that send have a second line of figures. */
const SENDING: ReadonlySet<string> = new Set(["email", "sms", "webhook"]);

/** The heights of all cards, from what they show: no card moves because it was measured. */
export function cardHeights(outline: Outline): Heights {
  const heights = new Map<string, number>();
  heights.set("entry", HEAD + 8 + LINE * 2 * Math.max(1, outline.entries.length));
  heights.set("end", SHORT);
  for (const rule of [outline.goal, ...outline.exits]) {
    if (rule !== null) {
      heights.set(rule.key, HEAD + 8 + LINE * 2);
      heights.set(`${rule.key}/end`, SHORT);
      ofList(rule.steps, heights);
    }
  }
  ofList(outline.steps, heights);
  return (key) => heights.get(key);
}

function ofList(list: StepList | null, heights: Map<string, number>): void {
  for (const item of list?.items ?? []) {
    const sends = item.type === "step" && SENDING.has(item.kind?.kind ?? "");
    heights.set(item.key, sends ? STEP + LINE : STEP);
    if (item.type === "step") {
      for (const way of item.ways) {
        heights.set(way.key, way.role === "case" ? SHORT + LINE : SHORT);
        ofList(way.steps, heights);
      }
    }
  }
}
