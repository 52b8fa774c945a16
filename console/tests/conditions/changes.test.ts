import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { applyEdit } from "@/builder/document/applyEdit";
import { valueAt } from "@/builder/document/model";
import { openText } from "@/builder/document/reading";
import { editBetween } from "@/builder/document/valueDifferences";
import { nodeValue, type Value } from "@/builder/document/values";
import {
  BEGINNINGS,
  joined,
  withMember,
  withoutMember,
  withQuantifier,
} from "@/conditions/changing";
import { withOperator } from "@/conditions/comparing";
import { uncountable } from "@/conditions/countable";
import type { Group, OperatorPart } from "@/conditions/parts";
import { sentenceOf } from "@/conditions/sentences";
import { conditions } from "./randomConditions";

/** A segment in which each part of the condition has a comment of its own. */
const COMMENTED = `# Who buys a lot.
segment: buyers   # the key
if:
  # All of them.
  all:
    # France, or near it.
    - attribute: country   # of the address
      in: [FR, BE]         # for now
    # Orders.
    - event: Order Completed
      where:
        total: {gte: 50}   # euros
      within: 30d
`;

function edited(text: string, before: Value, after: Value): string {
  const edit = editBetween(["if"], before, after);
  if (edit === null) {
    return text;
  }
  const result = applyEdit(openText(text), 0, edit);
  if (!result.ok) {
    throw new Error(`${result.refusal.reason}: ${JSON.stringify(edit)}`);
  }
  return result.text;
}

function conditionIn(text: string): Value {
  const [document] = openText(text).documents;
  if (document === undefined) {
    throw new Error("no document");
  }
  return valueAt(nodeValue(document, document.tree.contents), ["if"]) ?? null;
}

function group(value: Value): Group {
  const sentence = sentenceOf(value);
  if (sentence.form !== "group") {
    throw new Error("no group");
  }
  return sentence;
}

function operator(value: Value): OperatorPart {
  const sentence = sentenceOf(value);
  const parts = sentence.form === "line" ? sentence.clauses.flatMap((each) => each.parts) : [];
  const found = parts.find((part) => part.type === "operator");
  if (found === undefined) {
    throw new Error("no operator");
  }
  return found;
}

describe("a change of a condition", () => {
  const before = conditionIn(COMMENTED);

  test("of an operator changes its line alone", () => {
    const [country, ...others] = (before as { all: Value[] }).all;
    const changed = withOperator(country ?? null, operator(country ?? null), "not_in");
    const text = edited(COMMENTED, before, { all: [changed, ...others] });
    expect(text).toBe(COMMENTED.replace("      in: [FR, BE]  ", "      not_in: [FR, BE]  "));
  });

  test("of a value changes its line alone", () => {
    const after = JSON.parse(JSON.stringify(before).replace('"gte":50', '"gte":75')) as Value;
    expect(edited(COMMENTED, before, after)).toBe(COMMENTED.replace("gte: 50", "gte: 75"));
  });

  test("adds a condition at the end, and takes one out with its comment", () => {
    const more = withMember(before, group(before), { segment: "loyal" });
    const text = edited(COMMENTED, before, more);
    expect(text).toBe(`${COMMENTED}    - {segment: loyal}\n`);
    const less = withoutMember(more, group(more), 0);
    expect(edited(text, more, less)).toBe(text.replace(/ {4}# France[\s\S]*(?= {4}# Orders)/, ""));
  });

  test("of how many have to hold keeps what has to", () => {
    const any = withQuantifier(before, group(before), "any");
    expect(edited(COMMENTED, before, any)).toBe(COMMENTED.replace("  all:", "  any:"));
    const none = withQuantifier(before, group(before), "none");
    expect(conditionIn(edited(COMMENTED, before, none))).toEqual(none);
  });

  test("of any condition to any other makes exactly that one", () => {
    fc.assert(
      fc.property(conditions(2), conditions(2), (one, other) => {
        const flow = `segment: a\nif: ${JSON.stringify(one)}   # why\n# end\n`;
        const text = edited(flow, one, other);
        expect(conditionIn(text)).toEqual(other);
        expect(text.startsWith("segment: a\nif:")).toBe(true);
        expect(text.endsWith("# end\n")).toBe(true);
      }),
      { numRuns: 60 },
    );
  });

  test("of a single condition puts it beside another one", () => {
    expect(joined({ group: "vip" }, { segment: "x" })).toEqual({
      all: [{ group: "vip" }, { segment: "x" }],
    });
    const not: Value = { not: { group: "vip" } };
    expect(withMember(not, group(not), { segment: "x" })).toEqual({
      not: { any: [{ group: "vip" }, { segment: "x" }] },
    });
  });

  test("of an operator that is not written writes it", () => {
    const value: Value = { event: "A", where: { total: 5 } };
    const part = operator(value);
    expect(withOperator(value, part, "gte")).toEqual({ event: "A", where: { total: { gte: 5 } } });
    expect(withOperator(value, part, "in")).toEqual({ event: "A", where: { total: [5] } });
    expect(withOperator(value, part, "missing")).toEqual({
      event: "A",
      where: { total: { exists: false } },
    });
  });
});

describe("what can be counted", () => {
  test.each<[Value, string | null]>([
    [{ attribute: "country", is: "FR" }, null],
    [{ event: "A", where: { step: "mail", entry: 1 } }, null],
    [{ event: "A", since: "entry" }, "entry"],
    [{ event: "A", where: { cart: { entry: "cart" } } }, "entry"],
    [{ attribute: "plan", is: { step: "s", property: "p" } }, "step"],
    [{ all: [{ group: "vip" }, { step: "mail", is: "sent" }] }, "step"],
    [{ not: { message: "mail", is: "clicked" } }, "message"],
    [{ any: [BEGINNINGS.attribute] }, "unfinished"],
    [{ nothing: 1 }, "unknown"],
  ])("%j", (condition, why) => {
    expect(uncountable(sentenceOf(condition))).toBe(why);
  });
});
