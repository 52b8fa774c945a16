import type { Model } from "@/api/models";

export type LogItem = Model<"LogBody">;
export type LogType = LogItem["type"];

export const TYPES: readonly LogType[] = [
  "event",
  "change",
  "group",
  "segment",
  "consent",
  "delivery",
  "rejected",
  "entry",
  "refusal",
  "send",
  "visit",
  "end",
  "goal",
  "repair",
  "action",
  "job",
  "fault",
  "dead_event",
];

/** The filters of the log as they stand in the address. */
export const FILTERS = ["types", "journey", "contact", "step", "outcome", "key", "from"] as const;
export type LogFilters = Record<(typeof FILTERS)[number], string>;

/** The types that the address names; those it does not know are left out. */
export function typesOf(text: string): LogType[] {
  const named = text.split(",");
  return TYPES.filter((type) => named.includes(type));
}

/** The query of the log for these filters. */
export function queryOf(filters: LogFilters): URLSearchParams {
  const query = new URLSearchParams();
  const types = typesOf(filters.types);
  if (types.length > 0) {
    query.set("type", types.join(","));
  }
  for (const name of ["journey", "contact", "step", "outcome", "key", "from"] as const) {
    if (filters[name] !== "") {
      query.set(name, filters[name]);
    }
  }
  return query;
}

/** What arrived on top of what was there, each once; at most `most` of what arrived. */
export function newestFirst(
  arrived: readonly LogItem[],
  before: readonly LogItem[],
  most: number,
): LogItem[] {
  const known = new Set(before.map((item) => item.id));
  const fresh: LogItem[] = [];
  for (const item of arrived) {
    if (!known.has(item.id)) {
      known.add(item.id);
      fresh.unshift(item);
    }
  }
  return [...fresh, ...before].slice(0, most);
}

/** An item of the stream; null if the text is none. */
export function itemOf(data: string): LogItem | null {
  try {
    const found: unknown = JSON.parse(data);
    return typeof found === "object" && found !== null && "id" in found && "summary" in found
      ? (found as LogItem)
      : null;
  } catch {
    return null;
  }
}

/** The key of what was rejected, among the queries. */
export const REJECTED = "rejected";
