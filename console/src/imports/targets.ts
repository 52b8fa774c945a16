import type { What } from "./options";

export type ColumnType = "text" | "number" | "boolean" | "date" | "json";

export const COLUMN_TYPES: readonly ColumnType[] = ["text", "number", "boolean", "date", "json"];

/** The target of a column that is left out. */
export const OUT = "-";

/** How targets begin that have a name of their own behind it: what columns may be called freely. */
export function prefixOf(what: What): "attributes." | "properties." | null {
  return what === "contacts" ? "attributes." : what === "events" ? "properties." : null;
}

/** A target as a mapping writes it: `visits:number`, with its type behind a colon. */
export interface Target {
  readonly target: string;
  /** Null: the one that is usual for the target. */
  readonly type: ColumnType | null;
}

export function isColumnType(text: string): text is ColumnType {
  return COLUMN_TYPES.some((type) => type === text);
}

export function readTarget(text: string): Target {
  const colon = text.lastIndexOf(":");
  const type = text.slice(colon + 1);
  return colon > 0 && isColumnType(type)
    ? { target: text.slice(0, colon), type }
    : { target: text, type: null };
}

export function writeTarget({ target, type }: Target): string {
  return type === null || target === OUT ? target : `${target}:${type}`;
}

/** The name behind a prefix such as `attributes.`; null if the target has none. */
export function nameIn(target: string, prefix: string | null): string | null {
  return prefix !== null && target.startsWith(prefix) ? target.slice(prefix.length) : null;
}
