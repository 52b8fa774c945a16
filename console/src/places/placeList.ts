import { applyEdit } from "@/builder/document/applyEdit";
import { openText } from "@/builder/document/reading";
import { isValueMap, nodeValue, type Value } from "@/builder/document/values";

/** A place of a document; what is missing or is no number is null. */
export interface ListedPlace {
  name: string;
  lat: number | null;
  lon: number | null;
}

/** A place with all that it needs. */
export interface Place {
  name: string;
  lat: number;
  lon: number;
}

/** About as many places as a document may hold. */
export const MOST_PLACES = 4_200;
/** More places than these are written as a whole list: comments between its lines are lost then. */
const ONE_BY_ONE = 200;

function numberOf(value: Value | undefined): number | null {
  return typeof value === "number" ? value : null;
}

/** The places in the text of a document; null if the text cannot be read. */
export function placesIn(text: string): readonly ListedPlace[] | null {
  const [document] = openText(text).documents;
  if (document === undefined || document.problems.length > 0) {
    return null;
  }
  const value = nodeValue(document, document.tree.contents);
  if (!isValueMap(value) || !Array.isArray(value.list)) {
    return [];
  }
  return value.list.map((item) =>
    isValueMap(item)
      ? { name: String(item.name ?? ""), lat: numberOf(item.lat), lon: numberOf(item.lon) }
      : { name: "", lat: null, lon: null },
  );
}

export function isLatitude(value: number): boolean {
  return value >= -90 && value <= 90;
}

export function isLongitude(value: number): boolean {
  return value >= -180 && value <= 180;
}

/** A degree as one types it, with a point or a comma; null if it is no number. */
export function degreeOf(text: string): number | null {
  const written = text.trim().replace(",", ".");
  return /^[-+]?\d+(\.\d+)?$/.test(written) ? Number(written) : null;
}

/** The places that can be drawn. */
export function drawn(places: readonly ListedPlace[]): (Place & { index: number })[] {
  return places.flatMap(({ name, lat, lon }, index) =>
    lat !== null && lon !== null && isLatitude(lat) && isLongitude(lon)
      ? [{ index, name, lat, lon }]
      : [],
  );
}

/**
 * The text with these places: those of a name that is there get its new coordinates, the others
 * come last. Null if the text cannot be edited.
 */
export function withPlaces(text: string, added: readonly Place[]): string | null {
  const before = placesIn(text);
  if (before === null) {
    return null;
  }
  const at = new Map(before.map((place, index) => [place.name, index]));
  if (added.length > ONE_BY_ONE) {
    const list: Value[] = before.map((place) => ({ ...place }));
    for (const place of added) {
      list[at.get(place.name) ?? list.length] = { ...place };
    }
    return edited(text, { edit: "set", path: ["list"], value: list });
  }
  let next: string | null = text;
  let length = before.length;
  for (const place of added) {
    const index = at.get(place.name);
    for (const edit of index === undefined
      ? [{ edit: "add-item", list: ["list"], index: length, value: { ...place } } as const]
      : (["lat", "lon"] as const).map(
          (key) => ({ edit: "set", path: ["list", index, key], value: place[key] }) as const,
        )) {
      next = next === null ? null : edited(next, edit);
    }
    if (index === undefined) {
      at.set(place.name, length);
      length += 1;
    }
  }
  return next;
}

function edited(text: string, edit: Parameters<typeof applyEdit>[2]): string | null {
  const result = applyEdit(openText(text), 0, edit);
  return result.ok ? result.text : null;
}
