/** A fact by its name, and its value as a person reads it. */
export interface Fact {
  name: string;
  value: string;
}

const LONGEST = 300;

/** A value in words: yes and no, lists with commas, what is inside with its names. */
export function factWords(value: unknown): string {
  const text = written(value);
  return text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text;
}

function written(value: unknown): string {
  if (value === null || value === undefined) {
    return "–";
  }
  if (typeof value === "boolean") {
    return value ? "yes" : "no";
  }
  if (Array.isArray(value)) {
    return value.length === 0 ? "–" : value.map(written).join(", ");
  }
  if (typeof value === "object") {
    const inside = Object.entries(value);
    return inside.length === 0
      ? "–"
      : inside.map(([name, each]) => `${factName(name)} ${written(each)}`).join(", ");
  }
  return String(value);
}

/** The name of a fact without the marks of a program. */
export function factName(name: string): string {
  return name.replaceAll("_", " ");
}

/** Facts in the order of the record, without those that have no value. */
export function factsOf(record: Readonly<Record<string, unknown>>): Fact[] {
  return Object.entries(record)
    .filter(([, value]) => value !== null && value !== undefined && value !== "")
    .map(([name, value]) => ({ name: factName(name), value: factWords(value) }));
}

/** A value that was changed, and its name with those of what it stands in: `channels.email`. */
export interface Changed {
  name: string;
  before: string | null;
  after: string | null;
  same: boolean;
}

type Values = Readonly<Record<string, unknown>>;

/** What stood there before and after, name by name; null where there was nothing. */
export function differences(before: Values | null, after: Values | null): Changed[] {
  const old = flat(before ?? {});
  const now = flat(after ?? {});
  return [...new Set([...old.keys(), ...now.keys()])].sort().map((name) => {
    const was = old.get(name) ?? null;
    const is = now.get(name) ?? null;
    return { name, before: was, after: is, same: was === is };
  });
}

function flat(values: Values, path = ""): Map<string, string> {
  const found = new Map<string, string>();
  for (const [name, value] of Object.entries(values)) {
    const inside = isRecord(value) && Object.keys(value).length > 0;
    if (inside) {
      for (const [deeper, each] of flat(value, `${path}${name}.`)) {
        found.set(deeper, each);
      }
    } else {
      found.set(`${path}${name}`, factWords(value));
    }
  }
  return found;
}

function isRecord(value: unknown): value is Values {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
