import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { placesOfFile, recordsOf } from "@/places/placeFile";

describe("a file of places", () => {
  test("is read by the names of its columns, with others beside them", () => {
    const file =
      '\uFEFFid,Latitude,NAME,lng\r\n1,48.8566,"Paris, ""centre""",2.3522\r\n2,-0.5,Quito,-78';
    expect(placesOfFile(file)).toEqual({
      places: [
        { name: 'Paris, "centre"', lat: 48.8566, lon: 2.3522 },
        { name: "Quito", lat: -0.5, lon: -78 },
      ],
      refused: [],
    });
  });

  test("may be separated by semicolons, with commas in its numbers", () => {
    expect(placesOfFile("name;lat;lon\nLens;50,4289;2,8318\n")?.places).toEqual([
      { name: "Lens", lat: 50.4289, lon: 2.8318 },
    ]);
  });

  test("names the line of each record that is no place", () => {
    const file = 'name,lat,lon\n"two\nlines",1,2\n,1,2\nA,91,0\n\nB,0,180.5\nC,north,0\nD,1\n';
    expect(placesOfFile(file)).toEqual({
      places: [{ name: "two\nlines", lat: 1, lon: 2 }],
      refused: [
        { line: 4, flaw: "name" },
        { line: 5, flaw: "lat" },
        { line: 7, flaw: "lon" },
        { line: 8, flaw: "lat" },
        { line: 9, flaw: "lon" },
      ],
    });
  });

  test("gives a name that stands twice its last coordinates", () => {
    expect(placesOfFile("name,lat,lon\nA,1,1\nA,2,2\n")?.places).toEqual([
      { name: "A", lat: 2, lon: 2 },
    ]);
  });

  test("is none without the columns that it takes", () => {
    expect(placesOfFile("")).toBeNull();
    expect(placesOfFile("name,x,y\nA,1,1\n")).toBeNull();
  });

  test("has its cells as they were written", () => {
    const cell = fc.string();
    fc.assert(
      fc.property(fc.array(fc.tuple(cell, cell), { minLength: 1 }), (rows) => {
        const quoted = (text: string) => `"${text.replaceAll('"', '""')}"`;
        const file = rows.map((row) => row.map(quoted).join(",")).join("\r\n");
        expect(
          recordsOf(`a,b\r\n${file}`)
            .slice(1)
            .map((record) => record.cells),
        ).toEqual(rows);
      }),
    );
  });
});
