/** The values of a contact as fields of a form show them, and what was changed of them. */

export type ValueType = "text" | "number" | "truth" | "json";

export const VALUE_TYPES: readonly ValueType[] = ["text", "number", "truth", "json"];

/** A value that is being edited. */
export interface ValueRow {
  readonly name: string;
  readonly type: ValueType;
  readonly text: string;
  /** Whether it is taken away. */
  readonly removed: boolean;
}

/** What a form says: the values that differ, null where one is removed; or the name of a wrong one. */
export type Read =
  | { readonly ok: true; readonly changes: Readonly<Record<string, unknown>> }
  | { readonly ok: false; readonly name: string; readonly type: ValueType };

export function typeOf(value: unknown): ValueType {
  switch (typeof value) {
    case "number":
      return "number";
    case "boolean":
      return "truth";
    case "string":
      return "text";
    default:
      return value === null || value === undefined ? "text" : "json";
  }
}

export function textOf(value: unknown): string {
  if (value === null || value === undefined) {
    return "";
  }
  return typeof value === "string" ? value : JSON.stringify(value);
}

/** A value as a row of the form. */
export function rowOf(name: string, value: unknown, type = typeOf(value)): ValueRow {
  return { name, type, text: textOf(value), removed: false };
}

/** The value of a row; undefined if its text is none of its type. */
export function valueIn({ type, text, removed }: ValueRow): unknown {
  if (removed) {
    return null;
  }
  const trimmed = text.trim();
  switch (type) {
    case "text":
      return text === "" ? null : text;
    case "number": {
      const number = Number(trimmed);
      return trimmed === "" ? null : Number.isFinite(number) ? number : undefined;
    }
    case "truth":
      return trimmed === "" ? null : { true: true, false: false }[trimmed];
    case "json":
      try {
        return trimmed === "" ? null : (JSON.parse(trimmed) as unknown);
      } catch {
        return undefined;
      }
  }
}

/** The changes of a form; a name that is given twice counts as its last row says. */
export function readRows(
  before: Readonly<Record<string, unknown>>,
  rows: readonly ValueRow[],
): Read {
  const changes: Record<string, unknown> = {};
  for (const row of rows) {
    const name = row.name.trim();
    const value = valueIn(row);
    if (value === undefined) {
      return { ok: false, name, type: row.type };
    }
    if (name !== "" && JSON.stringify(value) !== JSON.stringify(before[name] ?? null)) {
      changes[name] = value;
    }
  }
  return { ok: true, changes };
}
