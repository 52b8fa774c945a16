/** Random edits of a journey, of every kind that the builder makes. */

import type { DisabledPlace, Edit, StepPlace, Target } from "@/builder/document/edits";
import type { Outline, OutlineStep, StepList, Way } from "@/builder/document/outline";
import { outlineOf } from "@/builder/document/outline";
import type { JourneyText, Path } from "@/builder/document/reading";
import type { ValueMap } from "@/builder/document/values";
import { layout } from "@/builder/layout/layout";
import type { Random } from "./random";

/** Everything that an edit of an outline can be about. */
export interface Parts {
  readonly steps: readonly OutlineStep[];
  readonly disabled: readonly DisabledPlace[];
  readonly ways: readonly (readonly [OutlineStep, Way])[];
  readonly targets: readonly Target[];
}

export function partsOf(outline: Outline): Parts {
  const steps: OutlineStep[] = [];
  const disabled: DisabledPlace[] = [];
  const ways: (readonly [OutlineStep, Way])[] = [];
  const walk = (list: StepList | null) => {
    for (const item of list?.items ?? []) {
      if (item.type === "disabled") {
        disabled.push({ list: item.list, disabled: item.disabled });
        continue;
      }
      steps.push(item);
      for (const way of item.ways) {
        ways.push([item, way]);
        walk(way.steps);
      }
    }
  };
  walk(outline.steps);
  for (const exit of outline.exits) walk(exit.steps);
  return { steps, disabled, ways, targets: layout(outline).drops };
}

const NEW_STEPS: readonly ValueMap[] = [
  { id: "new", wait: "3d" },
  {
    id: "mail",
    email: { subject: "Hi {{ contact.name }}", text: "Line\n\n  two\n", transactional: true },
  },
  { id: "vip", if: { group: "vip" }, group: { add: ["seen"] } },
  { id: "ask", wait: { event: "Order Completed", where: { total: { gte: 50 } }, up_to: "2d" } },
  { id: "done", exit: "done: really # yes" },
  {
    id: "fork",
    branch: [{ name: "a", if: { group: "vip" }, then: [{ id: "in-a", wait: "1h" }] }, { else: [] }],
  },
];

const PASTED: readonly string[] = [
  "# a note\n- id: pasted\n  wait: 1h # short\n- {id: after, if: {step: pasted, is: elapsed}, wait: 2h}\n",
  "id: single\nupdate:\n  set: {plan: pro}\n",
  '[{"id": "json", "wait": "1h"}]',
  '- id: mail\n  email:\n    subject: |\n      A\n    text: "{{ steps.code.code }}"\n    transactional: true\n- {id: code, coupon: {pool: p}}\n# - {id: off, wait: 1h}\n',
];

/** A random edit that a person could ask for here. */
export function randomEdit(file: JourneyText, document: number, random: Random): Edit {
  const outline = outlineOf(file, document);
  const { steps, disabled, ways, targets } = partsOf(outline);
  const target = () => {
    const { list, index, past } = random.pick(targets);
    return random.chance(0.5) || past === undefined ? { list, index } : { list, index, past };
  };
  const fallback: Edit = { edit: "insert", target: target(), steps: [random.pick(NEW_STEPS)] };
  if (steps.length === 0) return fallback;
  const step = random.pick(steps);
  const places = (): StepPlace[] => [
    ...Array.from({ length: 1 + random.below(2) }, () => random.pick(steps).path),
    ...(disabled.length > 0 && random.chance(0.3) ? [random.pick(disabled)] : []),
  ];
  const row = (): Path[] => {
    const list = step.path.slice(0, -1);
    const after = steps.filter(
      ({ path, index }) =>
        path.length === step.path.length &&
        index >= step.index &&
        index < step.index + 3 &&
        list.every((part, depth) => path[depth] === part),
    );
    return after.map(({ path }) => path);
  };
  switch (random.below(22)) {
    case 0:
    case 1:
      return fallback;
    case 2:
      return { edit: "paste", target: target(), text: random.pick(PASTED) };
    case 3:
    case 4:
      return { edit: "delete", steps: places() };
    case 5:
    case 6:
    case 7:
      return { edit: "move", steps: places(), target: target() };
    case 8:
      return { edit: "duplicate", steps: row() };
    case 9:
      return {
        edit: "wrap",
        steps: row(),
        around: random.chance(0.5)
          ? { id: "wrap", branch: [{ name: "yes", if: { group: "vip" }, then: [] }, { else: [] }] }
          : {
              id: "test",
              split: [
                { name: "a", weight: 1, then: [] },
                { name: "b", weight: 1, then: [] },
              ],
            },
      };
    case 10: {
      const forks = steps.filter((each) => each.ways.length > 0);
      if (forks.length === 0) return fallback;
      const fork = random.pick(forks);
      const written = fork.ways.filter((way) => !way.implied).length;
      return {
        edit: "unwrap",
        step: fork.path,
        way: random.chance(0.3) ? "all" : random.below(written),
      };
    }
    case 11: {
      const fork = ways.length > 0 ? random.pick(ways)[0] : null;
      if (fork === null) return fallback;
      const way: ValueMap =
        fork.kind?.kind === "split"
          ? { name: `arm ${random.below(99)}`, weight: 5, then: [] }
          : { name: `case ${random.below(99)}`, if: { topic: "t", is: "subscribed" }, then: [] };
      return { edit: "add-way", step: fork.path, way, index: random.below(3) };
    }
    case 12:
      return ways.length === 0 ? fallback : { edit: "remove-way", way: random.pick(ways)[1].path };
    case 13:
      return ways.length === 0
        ? fallback
        : { edit: "rename-way", way: random.pick(ways)[1].path, name: `way ${random.below(9)}` };
    case 14:
      return {
        edit: "rename-step",
        step: step.path,
        id: random.pick(["renamed", "x-", "A_b", "0"]) + random.below(99),
      };
    case 15: {
      const [, way] = ways.length > 0 ? random.pick(ways) : [null, null];
      return { edit: "reorder", path: (way ?? step).path, index: random.below(3) };
    }
    case 16:
    case 17:
      return { edit: "disable", steps: random.chance(0.7) ? [step.path] : row() };
    case 18:
      return disabled.length === 0 ? fallback : { edit: "enable", step: random.pick(disabled) };
    case 19:
      return {
        edit: "note",
        step: random.chance(0.2) && disabled.length > 0 ? random.pick(disabled) : step.path,
        text: random.pick(["", "a note", "two\n\nlines: yes # no", "  indented"]),
      };
    case 20:
      return random.pick<Edit>([
        { edit: "set", path: [...step.path, "if"], value: { group: "vip" } },
        { edit: "set", path: ["name"], value: random.pick(["Name", "a: b", "it's", "x\ny\n"]) },
        { edit: "set", path: ["defaults", "window", "days"], value: ["mon", "tue"] },
        { edit: "set", path: ["goal"], value: { event: "Order Completed", within: "7d" } },
        { edit: "set", path: ["entry"], value: { event: "Signed Up", where: { plan: "pro" } } },
        {
          edit: "set",
          path: ["re_entry"],
          value: random.pick<string | ValueMap>(["always", { after: "7d" }]),
        },
        { edit: "add-item", list: ["exit"], index: 0, value: { event: "Left" } },
      ]);
    default:
      return random.pick<Edit>([
        { edit: "unset", path: [...step.path, "if"] },
        { edit: "unset", path: ["name"] },
        { edit: "unset", path: ["defaults", "window", "days"] },
        { edit: "unset", path: ["goal"] },
        { edit: "unset", path: ["exit", 0] },
      ]);
  }
}
