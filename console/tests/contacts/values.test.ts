import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { readRows, rowOf, typeOf, valueIn } from "../../src/contacts/values";

const value = fc.oneof(
  fc.string({ minLength: 1 }),
  fc.double({ noNaN: true, noDefaultInfinity: true }).filter((each) => !Object.is(each, -0)),
  fc.boolean(),
  fc.array(fc.string()),
  fc.dictionary(fc.constantFrom("a", "b"), fc.integer()),
);

describe("values of a form", () => {
  test("that nothing was done with are no change", () => {
    fc.assert(
      fc.property(fc.dictionary(fc.constantFrom("plan", "visits", "tags"), value), (before) => {
        const rows = Object.entries(before).map(([name, each]) => rowOf(name, each));
        expect(readRows(before, rows)).toEqual({ ok: true, changes: {} });
      }),
    );
  });

  test("are read by their type", () => {
    const row = (type: Parameters<typeof rowOf>[2], text: string) => ({
      ...rowOf("x", "", type),
      text,
    });
    expect(valueIn(row("text", "007"))).toBe("007");
    expect(valueIn(row("number", " 7.5 "))).toBe(7.5);
    expect(valueIn(row("truth", "false"))).toBe(false);
    expect(valueIn(row("json", '["a"]'))).toEqual(["a"]);
    for (const type of ["text", "number", "truth", "json"] as const) {
      expect(valueIn(row(type, ""))).toBeNull();
    }
    expect(valueIn(row("number", "many"))).toBeUndefined();
    expect(valueIn(row("number", "Infinity"))).toBeUndefined();
    expect(valueIn(row("truth", "perhaps"))).toBeUndefined();
    expect(valueIn(row("json", "[a"))).toBeUndefined();
    expect(typeOf({ a: 1 })).toBe("json");
  });

  test("that differ, are new or removed are changes, and a wrong one has its name", () => {
    const before = { plan: "free", visits: 3, old: true };
    const rows = [
      { ...rowOf("plan", "free"), text: "gold" },
      rowOf("visits", 3),
      { ...rowOf("old", true), removed: true },
      rowOf(" score ", 1),
      rowOf("", "nameless"),
    ];
    expect(readRows(before, rows)).toEqual({
      ok: true,
      changes: { plan: "gold", old: null, score: 1 },
    });
    const wrong = { ...rowOf("visits", 3), text: "many" };
    expect(readRows(before, [wrong])).toEqual({ ok: false, name: "visits", type: "number" });
  });
});
