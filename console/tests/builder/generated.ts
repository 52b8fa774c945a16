/** Journeys with random steps, written in random styles of YAML. */

import type { Value, ValueMap } from "@/builder/document/values";
import { isValueMap } from "@/builder/document/values";
import type { Random } from "./random";

/** A random journey as plain values. */
export function randomJourney(random: Random, most = 12): ValueMap {
  const ids: string[] = [];
  return {
    journey: "made",
    name: random.pick(["Made", "A: b", "01000", "yes # no"]),
    entry: random.chance(0.5) ? { event: "Signed Up" } : [{ event: "A" }, { group: "vip" }],
    exit: [{ event: "Order Completed", then: randomSteps(random, ids, 2, 2) }],
    steps: randomSteps(random, ids, most, 0),
  };
}

function randomSteps(random: Random, ids: string[], most: number, depth: number): Value[] {
  return Array.from({ length: 1 + random.below(most) }, () => randomStep(random, ids, depth));
}

function randomStep(random: Random, ids: string[], depth: number): ValueMap {
  const id = `${random.pick(["mail", "step", "a b", "x.y", "é"])}-${ids.length}`;
  ids.push(id);
  const earlier = random.pick(ids);
  const start: ValueMap = random.chance(0.2)
    ? { id, if: { step: earlier, is: random.pick(["sent", "elapsed", "skipped"]) } }
    : { id };
  switch (random.below(depth < 3 ? 9 : 6)) {
    case 0:
      return { ...start, wait: random.pick(["1h", "2d", "15m"]) };
    case 1:
      return {
        ...start,
        email: { subject: "Hi {{ contact.name }}", text: "One\n\n  two: # three\n", topic: "t" },
      };
    case 2:
      return { ...start, wait: { message: earlier, is: "clicked", up_to: "2d" } };
    case 3:
      return { ...start, update: { set: { plan: "pro", zip: "01000", n: 5 }, unset: ["x"] } };
    case 4:
      return { ...start, goto: earlier, max_visits: 3 };
    case 5:
      return { ...start, unknown_kind: { some: ["thing", "else"], more: null } };
    case 6:
      return {
        ...start,
        split: [
          { name: "a", weight: 10, then: randomSteps(random, ids, 3, depth + 1) },
          { name: "b", weight: 20, ...(random.chance(0.5) ? { holdout: true } : {}) },
        ],
      };
    default:
      return {
        ...start,
        branch: [
          { name: "one", if: { group: "vip" }, then: randomSteps(random, ids, 3, depth + 1) },
          { if: { step: earlier, is: "sent" }, then: randomSteps(random, ids, 2, depth + 1) },
          ...(random.chance(0.5) ? [{ else: randomSteps(random, ids, 2, depth + 1) }] : []),
        ],
      };
  }
}

/** How a text is written. */
interface Style {
  readonly random: Random;
  readonly flow: number;
  readonly comments: number;
  readonly quotes: number;
  readonly indent: number;
  readonly dashes: number;
  readonly anchors: number;
}

/** A journey in YAML of a random style: comments, quotes, brackets, anchors, line breaks. */
export function randomText(random: Random, journey: ValueMap): string {
  const style: Style = {
    random,
    flow: random.pick([0, 0.2, 0.6]),
    comments: random.pick([0, 0.1, 0.5]),
    quotes: random.pick([0, 0.3, 1]),
    indent: random.pick([1, 2, 2, 4, 7]),
    dashes: random.pick([0, 2]),
    anchors: random.pick([0, 0.2]),
  };
  const body = block(style, journey, 0);
  const before = random.pick(["", "# head\n\n", "---\n", "\ufeff# head\n", "topic: t\n---\n"]);
  const after = random.pick(["", "\n# end\n", "---\ntopic: u\n", "--- # next\ntemplate: x\n"]);
  const text = before + body + after;
  const cut = after === "" && random.chance(0.3) ? text.trimEnd() : text;
  return random.chance(0.25) ? cut.replaceAll("\n", "\r\n") : cut;
}

let names = 0;

function anchor({ random, anchors }: Style): string {
  return random.chance(anchors) ? `&a${names++} ` : "";
}

function comment({ random, comments }: Style): string {
  return random.chance(comments)
    ? `${random.pick([" ", "   ", "\t"])}# ${random.pick(["a", "'", "{\t"])}`
    : "";
}

function lines(style: Style, column: number): string {
  const { random, comments } = style;
  let made = "";
  while (random.chance(comments)) {
    made += random.pick([`${" ".repeat(column)}# note: ${names++}\n`, "\n"]);
  }
  return made;
}

function block(style: Style, map: ValueMap, column: number): string {
  return Object.entries(map)
    .map(
      ([key, value]) => lines(style, column) + " ".repeat(column) + pair(style, key, value, column),
    )
    .join("");
}

function pair(style: Style, key: string, value: Value, column: number): string {
  const name = style.random.chance(style.quotes) ? JSON.stringify(key) : key;
  return `${name}:${after(style, value, column)}`;
}

function after(style: Style, value: Value, column: number): string {
  const { random } = style;
  const isEmpty = typeof value === "object" && value !== null && Object.keys(value).length === 0;
  if (typeof value !== "object" || value === null || isEmpty || random.chance(style.flow)) {
    if (typeof value === "string" && value.includes("\n") && random.chance(0.7)) {
      const inside = " ".repeat(column + style.indent);
      const text = value.replace(/\n+$/, "").split("\n");
      return ` |${comment(style)}\n${text.map((line) => (line === "" ? "\n" : `${inside}${line}\n`)).join("")}`;
    }
    return ` ${anchor(style)}${flow(style, value)}${comment(style)}\n`;
  }
  const opening = ` ${anchor(style)}`.trimEnd() + comment(style);
  if (isValueMap(value)) return `${opening}\n${block(style, value, column + style.indent)}`;
  const dash = column + style.dashes;
  const items = (value as readonly Value[]).map(
    (item) => lines(style, dash) + listItem(style, item, dash),
  );
  return `${opening}\n${items.join("")}`;
}

function listItem(style: Style, item: Value, dash: number): string {
  const start = `${" ".repeat(dash)}-`;
  if (!isValueMap(item) || style.random.chance(style.flow)) return start + after(style, item, dash);
  const gap = style.random.pick([1, 1, 3]);
  const body = block({ ...style }, item, dash + 1 + gap).replace(/^(?:[ ]*#.*\n|\n)*/, "");
  return start + " ".repeat(gap) + body.trimStart();
}

function flow(style: Style, value: Value): string {
  const gap = style.random.pick(["", " "]);
  if (isValueMap(value)) {
    const pairs = Object.entries(value).map(
      ([key, inner]) =>
        `${style.random.chance(style.quotes) ? JSON.stringify(key) : key}: ${flow(style, inner)}`,
    );
    return `{${gap}${pairs.join(", ")}${gap}}`;
  }
  if (Array.isArray(value)) {
    return `[${gap}${(value as readonly Value[]).map((inner) => flow(style, inner)).join(", ")}${gap}]`;
  }
  return scalar(style, value as string | number | boolean | null);
}

function scalar(style: Style, value: string | number | boolean | null): string {
  if (typeof value !== "string") return String(value);
  const plain = /^[a-zA-Z][\w .é-]*$/.test(value) && value === value.trim();
  if (plain && !style.random.chance(style.quotes)) return value;
  if (!value.includes("\n") && style.random.chance(0.4)) return `'${value.replaceAll("'", "''")}'`;
  return JSON.stringify(value);
}
