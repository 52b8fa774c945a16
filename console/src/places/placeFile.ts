import { degreeOf, isLatitude, isLongitude, type Place } from "./placeList";

/** Why a line of a file is left out. */
export type Flaw = "name" | "lat" | "lon";

export interface RefusedLine {
  line: number;
  flaw: Flaw;
}

export interface PlaceFile {
  places: readonly Place[];
  refused: readonly RefusedLine[];
}

interface CsvRecord {
  /** The line that it begins on, from 1. */
  line: number;
  cells: string[];
}

/** The records of a CSV text (RFC 4180), separated by commas, or by semicolons if the head is. */
export function recordsOf(text: string): CsvRecord[] {
  const head = text.slice(0, text.search(/\r?\n|$/));
  const comma = head.includes(",") || !head.includes(";") ? "," : ";";
  const records: CsvRecord[] = [];
  let record: CsvRecord = { line: 1, cells: [] };
  let cell = "";
  let quoted = false;
  let line = 1;
  function end() {
    record.cells.push(cell);
    if (record.cells.length > 1 || cell !== "") {
      records.push(record);
    }
    record = { line: line + 1, cells: [] };
    cell = "";
  }
  const content = text.replace(/^\uFEFF/, "");
  for (let place = 0; place < content.length; place += 1) {
    const sign = content[place] ?? "";
    if (quoted) {
      if (sign === '"' && content[place + 1] === '"') {
        cell += '"';
        place += 1;
      } else if (sign === '"') {
        quoted = false;
      } else {
        cell += sign;
        line += sign === "\n" ? 1 : 0;
      }
    } else if (sign === '"' && cell === "") {
      quoted = true;
    } else if (sign === comma) {
      record.cells.push(cell);
      cell = "";
    } else if (sign === "\n") {
      end();
      line += 1;
    } else if (sign !== "\r") {
      cell += sign;
    }
  }
  if (cell !== "" || record.cells.length > 0) {
    end();
  }
  return records;
}

const NAMES: Readonly<Record<string, "name" | "lat" | "lon">> = {
  name: "name",
  place: "name",
  lat: "lat",
  latitude: "lat",
  lon: "lon",
  lng: "lon",
  long: "lon",
  longitude: "lon",
};

/** The places of a CSV file, and the lines that are none; null without the columns that it takes. */
export function placesOfFile(text: string): PlaceFile | null {
  const [head, ...rest] = recordsOf(text);
  const columns = new Map<string, number>();
  head?.cells.forEach((cell, index) => {
    const name = NAMES[cell.trim().toLowerCase()];
    if (name !== undefined && !columns.has(name)) {
      columns.set(name, index);
    }
  });
  const [name, lat, lon] = [columns.get("name"), columns.get("lat"), columns.get("lon")];
  if (name === undefined || lat === undefined || lon === undefined) {
    return null;
  }
  const places = new Map<string, Place>();
  const refused: RefusedLine[] = [];
  for (const { line, cells } of rest) {
    const called = cells[name]?.trim() ?? "";
    const north = degreeOf(cells[lat] ?? "");
    const east = degreeOf(cells[lon] ?? "");
    if (called === "") {
      refused.push({ line, flaw: "name" });
    } else if (north === null || !isLatitude(north)) {
      refused.push({ line, flaw: "lat" });
    } else if (east === null || !isLongitude(east)) {
      refused.push({ line, flaw: "lon" });
    } else {
      places.set(called, { name: called, lat: north, lon: east });
    }
  }
  return { places: [...places.values()], refused };
}
