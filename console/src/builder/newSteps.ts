import { kindCalled } from "@/builder/document/language";
import type { OutlineItem, StepList } from "@/builder/document/outline";
import type { ValueMap } from "@/builder/document/values";

/** What a new step of a kind holds, as far as it can be known: the rest is filled in the panel. */
const CONTENTS: Readonly<Record<string, ValueMap>> = {
  email: { email: { subject: "", text: "" } },
  sms: { sms: { text: "" } },
  webhook: { webhook: { url: "https://" } },
  wait: { wait: "1d" },
  branch: {
    branch: [{ name: "yes", if: { attribute: "country", exists: true }, then: [] }, { else: [] }],
  },
  split: {
    split: [
      { name: "a", weight: 50, then: [] },
      { name: "b", weight: 50, then: [] },
    ],
  },
  update: { update: { set: {} } },
  group: { group: { add: [] } },
  coupon: { coupon: { pool: "" } },
  emit: { emit: { event: "" } },
  enter: { enter: { journey: "" } },
  goto: { goto: "" },
  exit: { exit: "done" },
};

/** A new step of a kind, with an id that no other step has. Throws for an unknown kind. */
export function newStep(kind: string, taken: ReadonlySet<string>): ValueMap {
  const content = CONTENTS[kind];
  if (kindCalled(kind) === null || content === undefined) {
    throw new Error(`no new step of the kind ${kind} can be made`);
  }
  return { id: freeId(kind, taken), ...content };
}

/** The name itself, or with the first number that is free. */
export function freeId(name: string, taken: ReadonlySet<string>): string {
  if (!taken.has(name)) {
    return name;
  }
  let number = 2;
  while (taken.has(`${name}_${number}`)) {
    number += 1;
  }
  return `${name}_${number}`;
}

/** All items of a list of steps, those inside branches and splits among them. */
export function itemsOf(list: StepList | null): readonly OutlineItem[] {
  return (list?.items ?? []).flatMap((item) =>
    item.type === "disabled" ? [item] : [item, ...item.ways.flatMap((way) => itemsOf(way.steps))],
  );
}
