import { describe, expect, test } from "vitest";
import { differences, factsOf, factWords } from "../../src/components/facts";

describe("values in words", () => {
  test("are read without the marks of a program", () => {
    expect(factWords({ reason_code: "cap", cut: true, of: ["a", "b"] })).toBe(
      "reason code cap, cut yes, of a, b",
    );
    expect(factWords([])).toBe("–");
    expect(factWords("x".repeat(400))).toHaveLength(301);
  });

  test("leave out what has none", () => {
    expect(factsOf({ zone: "UTC", none: null, gone: undefined, zero: 0 })).toEqual([
      { name: "zone", value: "UTC" },
      { name: "zero", value: "0" },
    ]);
  });
});

test("a difference names each value once, deep ones by their path", () => {
  const before = { version: 1, channels: { email: "on", sms: "off" }, gone: "x" };
  const after = { version: 2, channels: { email: "on", sms: "on" }, made: [] };
  expect(differences(before, after)).toEqual([
    { name: "channels.email", before: "on", after: "on", same: true },
    { name: "channels.sms", before: "off", after: "on", same: false },
    { name: "gone", before: "x", after: null, same: false },
    { name: "made", before: null, after: "–", same: false },
    { name: "version", before: "1", after: "2", same: false },
  ]);
  expect(differences(null, null)).toEqual([]);
});
