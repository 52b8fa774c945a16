import { expect, test } from "vitest";
import { fromLocalInput, toLocalInput } from "../../src/components/times";
import { newKey } from "../../src/keys/MakeKey";

const FIELDS = {
  name: " shop ",
  scope: "ingest",
  expires: "",
  source: "",
  origins: "https://shop.example\n https://www.shop.example ",
  perMinute: 60,
} as const;

test("what was left empty is not asked for", () => {
  expect(newKey(FIELDS)).toEqual({
    name: "shop",
    scope: "ingest",
    origins: ["https://shop.example", "https://www.shop.example"],
    address_events_per_minute: 60,
  });
});

test("what only keys of pages have goes with no other scope", () => {
  expect(newKey({ ...FIELDS, scope: "read" })).toEqual({ name: "shop", scope: "read" });
});

test("a time of a field goes to the API and back", () => {
  const at = fromLocalInput("2026-03-01T08:30");
  expect(new Date(at).toISOString()).toBe(at);
  expect(toLocalInput(at)).toBe("2026-03-01T08:30");
  expect(fromLocalInput("")).toBe("");
  expect(toLocalInput("no time")).toBe("");
});
