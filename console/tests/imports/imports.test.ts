import { describe, expect, test } from "vitest";
import { idsOf } from "../../src/imports/ids";
import { queryOf, USUAL } from "../../src/imports/options";
import { mediaTypeOf } from "../../src/imports/sending";
import { sizeWords } from "../../src/imports/sizes";
import { nameIn, prefixOf, readTarget, writeTarget } from "../../src/imports/targets";

describe("targets of columns", () => {
  test("are read as they are written", () => {
    for (const text of ["email", "attributes.visits:number", "attributes.a:b:json", "-"]) {
      expect(writeTarget(readTarget(text))).toBe(text);
    }
    expect(readTarget("attributes.a:b")).toEqual({ target: "attributes.a:b", type: null });
    expect(writeTarget({ target: "-", type: "number" })).toBe("-");
  });

  test("have names of their own for contacts and events alone", () => {
    expect(nameIn("attributes.plan", prefixOf("contacts"))).toBe("plan");
    expect(nameIn("email", prefixOf("contacts"))).toBeNull();
    expect(nameIn("properties.total", prefixOf("events"))).toBe("total");
    expect(prefixOf("topics")).toBeNull();
  });
});

describe("the query of an import", () => {
  test("has what was chosen, and nothing of another kind of file", () => {
    const chosen = {
      ...USUAL,
      groups: " vip, ,b2b ",
      beginJourneys: true,
      timezone: " Europe/Paris ",
      map: { Punkte: "score" },
    };
    const query = queryOf(chosen);
    expect(query.getAll("group")).toEqual(["vip", "b2b"]);
    expect(query.get("begin_journeys")).toBe("true");
    expect(query.get("timezone")).toBe("Europe/Paris");
    expect(query.get("map")).toBe('{"Punkte":"score"}');
    expect(query.has("preset")).toBe(false);
    const events = queryOf({ ...chosen, what: "events", preset: "klaviyo", map: {} });
    expect(events.has("group") || events.has("begin_journeys") || events.has("map")).toBe(false);
    expect(events.get("preset")).toBe("klaviyo");
  });
});

test("files have a type by their name, and a size in words", () => {
  expect(mediaTypeOf("people.CSV")).toBe("text/csv");
  expect(mediaTypeOf("events.jsonl.gz")).toBe("application/x-ndjson");
  expect([206, 1_200, 12_340_000, 2_000_000_000].map(sizeWords)).toEqual([
    "206 bytes",
    "1.2 KB",
    "12.3 MB",
    "2 GB",
  ]);
});

test("a list has each id once, without what stands around it", () => {
  expect(idsOf("a\r\n b \n\na\n")).toEqual(["a", "b"]);
});
