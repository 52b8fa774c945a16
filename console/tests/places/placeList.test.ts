import { describe, expect, test } from "vitest";
import { degreeOf, drawn, placesIn, withPlaces } from "@/places/placeList";

const TEXT = `# Ours.
places: shops
list:
  - {name: Paris, lat: 48.8566, lon: 2.3522} # the first one
  - name: Lille
    lat: 50.6
    lon: 3.1
`;

describe("a list of places", () => {
  test("is read from its text, with what is missing", () => {
    expect(placesIn("places: a\nlist:\n  - {name: A, lat: x}\n  - 7\n")).toEqual([
      { name: "A", lat: null, lon: null },
      { name: "", lat: null, lon: null },
    ]);
    expect(placesIn("places: a\n")).toEqual([]);
    expect(placesIn("places: [")).toBeNull();
  });

  test("takes new places at its end and new coordinates in their place", () => {
    const text = withPlaces(TEXT, [
      { name: "Lille", lat: 50.63, lon: 3.06 },
      { name: "Lens", lat: 50.4289, lon: 2.8318 },
    ]);
    expect(placesIn(text ?? "")).toEqual([
      { name: "Paris", lat: 48.8566, lon: 2.3522 },
      { name: "Lille", lat: 50.63, lon: 3.06 },
      { name: "Lens", lat: 50.4289, lon: 2.8318 },
    ]);
    const lines = text?.split("\n") ?? [];
    expect(lines[0]).toBe("# Ours.");
    expect(lines).toContain("  - {name: Paris, lat: 48.8566, lon: 2.3522} # the first one");
  });

  test("takes thousands of places at once", () => {
    const many = Array.from({ length: 4_000 }, (_, index) => ({
      name: `P${index}`,
      lat: index / 100,
      lon: -index / 100,
    }));
    const text = withPlaces(TEXT, many);
    expect(placesIn(text ?? "")?.length).toBe(4_002);
    expect(placesIn(text ?? "")?.at(-1)).toEqual({ name: "P3999", lat: 39.99, lon: -39.99 });
  });

  test("cannot be changed while its text cannot be read", () => {
    expect(withPlaces("places: [", [{ name: "A", lat: 1, lon: 1 }])).toBeNull();
  });

  test("draws what lies on the earth", () => {
    const places = [
      { name: "A", lat: 1, lon: 1 },
      { name: "B", lat: 91, lon: 1 },
      { name: "C", lat: 1, lon: null },
      { name: "D", lat: -90, lon: -180 },
    ];
    expect(drawn(places).map(({ index, name }) => [index, name])).toEqual([
      [0, "A"],
      [3, "D"],
    ]);
  });

  test("knows degrees as people type them", () => {
    expect(["48.5", " -3,25 ", "+7"].map(degreeOf)).toEqual([48.5, -3.25, 7]);
    expect(["", "48.", "1e3", "north", "1,000.5"].map(degreeOf)).toEqual([
      null,
      null,
      null,
      null,
      null,
    ]);
  });
});
