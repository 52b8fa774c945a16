import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { sameValue } from "@/builder/document/model";
import { openText } from "@/builder/document/reading";
import { documentForm, schemaOfItems, schemaOfKey } from "@/builder/document/schema";
import { isValueMap, nodeValue, type Value } from "@/builder/document/values";
import { asKind, ENTRY_BEGINNINGS, ENTRY_KINDS, kindOfEntry } from "@/builder/entries/entryKinds";
import { shapeOfSchema, variantOf } from "@/builder/panel/shapes";
import { DAYS, daysOf, daysText } from "@/moments/days";
import { amountsOf, durationWords } from "@/moments/durations";
import { localWords } from "@/moments/localWords";
import { beginningOf, FORMS, formOf, momentWords } from "@/moments/moments";
import { cronOf, patternOf } from "@/moments/schedules";
import { files } from "../builder/files";

describe("durations", () => {
  test.each([
    ["2d", "2 days"],
    ["1h30m", "1 hour 30 minutes"],
    ["1mo 15d", "1 month 15 days"],
    ["90.5s", "90.5 seconds"],
    ["PT90M", "90 minutes"],
    ["P1Y2M3W4DT5H", "1 year 2 months 3 weeks 4 days 5 hours"],
    ["soon", "soon"],
  ])("%s is %s", (text, words) => {
    expect(durationWords(text)).toBe(words);
  });

  test.each(["", "d", "1", "1x", "P", "PT", "-3d", "1d1w", "1.5d"])("%j is none", (text) => {
    expect(amountsOf(text)).toBeNull();
  });
});

describe("moments", () => {
  test.each<[Value, string]>([
    ["+3d", "3 days from now"],
    ["-30d", "30 days ago"],
    ["09:00", "the next 09:00"],
    ["entry", "their entry into the journey"],
    ["2026-12-31", "2026-12-31"],
    [
      { attribute: "birthday", every: "year", offset: "-3d", at: "09:00" },
      "attribute birthday, every year, 3 days earlier, at 09:00",
    ],
    [{ entry: "starts_at", offset: "1h" }, "starts_at of the entry, 1 hour later"],
    [{ step: "s", property: "event.at" }, "event.at of step s"],
  ])("%j is %s", (moment, words) => {
    expect(momentWords(moment)).toBe(words);
  });

  test("each form begins with a moment of this form", () => {
    for (const form of FORMS) {
      expect(formOf(beginningOf(form))).toBe(form);
    }
  });

  test("a local time is said as clocks show it", () => {
    expect(localWords("2026-12-01T09:00:00")).toBe("Tue, 1 Dec 2026, 09:00");
    expect(localWords("2026-12-01T09:00:00", "2026-12-01T18:00:00")).toMatch(/09:00–18:00$/);
    expect(localWords("2026-12-01T21:00:00", "2026-12-02T08:00:00")).toMatch(/21:00 – Wed/);
  });
});

describe("days and schedules", () => {
  const someDays = fc.subarray([...DAYS], { minLength: 1 }).map((days) => new Set(days));

  test("days are written as they are read", () => {
    fc.assert(
      fc.property(someDays, (days) => {
        expect(daysOf(daysText(days))).toEqual(days);
      }),
    );
    expect(daysText(new Set(["mon", "tue", "wed"]))).toBe("mon-wed");
    expect(daysText(new Set(["mon", "wed"]))).toEqual(["mon", "wed"]);
    expect(daysOf("fri-mon")).toEqual(new Set(["fri", "sat", "sun", "mon"]));
    expect(daysOf(["mon-tue", "sat"])).toEqual(new Set(["mon", "tue", "sat"]));
    expect(daysOf("noday")).toBeNull();
  });

  test("a schedule of a week or a month is the cron line of its words", () => {
    expect(patternOf("0 9 * * mon")).toEqual({
      every: "week",
      at: "09:00",
      days: new Set(["mon"]),
    });
    expect(patternOf("30 17 * * *")).toEqual({ every: "day", at: "17:30" });
    expect(patternOf("0 9 15 * *")).toEqual({ every: "month", at: "09:00", day: "15" });
    fc.assert(
      fc.property(someDays, fc.nat(23), fc.nat(59), (days, hour, minute) => {
        const at = `${String(hour).padStart(2, "0")}:${String(minute).padStart(2, "0")}`;
        for (const pattern of [
          { every: "week", at, days },
          { every: "day", at },
        ] as const) {
          expect(patternOf(cronOf(pattern))).toEqual(pattern);
        }
      }),
    );
  });

  test.each([
    "*/5 9 * * *",
    "0 9 1 * mon",
    "0 9 * 6 *",
    "0 9 * * 1-5",
    "0 25 * * *",
    "x",
    "0 9 * *",
  ])("%s stays a line", (cron) => {
    expect(patternOf(cron)).toBeNull();
  });
});

describe("kinds of entries", () => {
  test("each begins with an entry of its kind that the schema has", () => {
    const journey = documentForm(["journey"]);
    const schema = schemaOfItems(schemaOfKey(journey, "entry"));
    for (const kind of ENTRY_KINDS) {
      const value = ENTRY_BEGINNINGS[kind];
      expect(kindOfEntry(value)).toBe(kind);
      expect(variantOf(shapeOfSchema(schema ?? {}), value)?.kind, kind).toBe("mapping");
    }
  });

  test("each entry of the library and of the real programmes has a kind", () => {
    let seen = 0;
    for (const [name, text] of files) {
      for (const document of openText(text).documents) {
        const value = nodeValue(document, document.tree.contents);
        const entry = isValueMap(value) && "journey" in value ? (value.entry ?? []) : [];
        for (const each of Array.isArray(entry) ? (entry as readonly Value[]) : [entry]) {
          expect(kindOfEntry(each), name).not.toBeNull();
          seen += 1;
        }
      }
    }
    expect(seen).toBeGreaterThan(25);
  });

  test("another kind keeps the condition, and what both have", () => {
    const before = { event: "A", where: { x: 1 }, if: { group: "vip" }, max_age: "2d" };
    expect(asKind(before, "segment")).toEqual({ segment: "", if: { group: "vip" }, max_age: "2d" });
    expect(sameValue(asKind(before, "api"), { api: true, if: { group: "vip" } })).toBe(true);
    expect(kindOfEntry({ nothing: 1 })).toBeNull();
  });
});
