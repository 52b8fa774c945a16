import { expect, test } from "vitest";
import { hoursOf, namesOf } from "../../src/upcoming/hours";

const item = (hour: string, journey: string, count: number) => ({ hour, journey, count });

test("every hour has a bar, and every send is in one", () => {
  const items = [
    item("2026-03-01T09:00:00Z", "cart", 5),
    item("2026-03-01T09:00:00Z", "welcome", 2),
    item("2026-03-01T09:00:00Z", "cart", 1),
    item("2026-03-01T11:00:00Z", "welcome", 9),
  ];
  const names = namesOf(items, "others");
  expect(names).toEqual(["welcome", "cart"]);
  const from = new Date("2026-03-01T08:20:00Z");
  const until = new Date("2026-03-01T12:00:00Z");
  const hours = hoursOf(items, from, until, names, "others");
  expect(hours.map((hour) => [hour.at.toISOString().slice(11, 13), hour.parts])).toEqual([
    ["08", []],
    [
      "09",
      [
        { name: "welcome", count: 2 },
        { name: "cart", count: 6 },
      ],
    ],
    ["10", []],
    ["11", [{ name: "welcome", count: 9 }]],
  ]);
});

test("the smaller of many journeys are shown as one", () => {
  const items = "abcdefgh"
    .split("")
    .map((journey, index) => item("2026-03-01T09:00:00Z", journey, 10 - index));
  const names = namesOf(items, "others");
  expect(names).toEqual(["a", "b", "c", "d", "e", "others"]);
  const at = new Date("2026-03-01T09:00:00Z");
  const [hour] = hoursOf(items, at, new Date(at.getTime() + 1), names, "others");
  expect(hour?.parts.at(-1)).toEqual({ name: "others", count: 5 + 4 + 3 });
});
