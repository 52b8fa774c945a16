/** The kinds of entries: what begins a run of a journey. */

import { isValueMap, type Value, type ValueMap } from "@/builder/document/values";

export const ENTRY_KINDS = [
  "event",
  "form",
  "segment",
  "group",
  "attribute",
  "date",
  "schedule",
  "near",
  "api",
] as const;

export type EntryKind = (typeof ENTRY_KINDS)[number];

/** The event that is recorded for each form that was submitted. */
const FORM_SUBMITTED = "Form Submitted";

/** What an entry of a kind begins with: its names are still empty. */
export const ENTRY_BEGINNINGS: Readonly<Record<EntryKind, ValueMap>> = {
  event: { event: "" },
  form: { event: FORM_SUBMITTED, where: { form: "" } },
  segment: { segment: "" },
  group: { group: "" },
  attribute: { attribute: "" },
  date: { date: { attribute: "", every: "year", at: "09:00" } },
  schedule: { schedule: { cron: "0 9 * * mon" } },
  near: { near: { places: "", km: 1 } },
  api: { api: true },
};

/** The kind of an entry; null for one of a form that nothing knows. */
export function kindOfEntry(value: Value): EntryKind | null {
  if (!isValueMap(value)) {
    return null;
  }
  const { where } = value;
  if (value.event === FORM_SUBMITTED && isValueMap(where) && "form" in where) {
    return "form";
  }
  return ENTRY_KINDS.find((kind) => kind !== "form" && kind in value) ?? null;
}

/** Keys that an entry keeps when it becomes one of another kind. */
const KEPT: readonly string[] = ["if", "max_age"];

/** An entry that became one of another kind: it keeps what both have. */
export function asKind(value: Value, kind: EntryKind): ValueMap {
  const beginning = ENTRY_BEGINNINGS[kind];
  const aged = kind !== "date" && kind !== "schedule" && kind !== "api";
  const kept = isValueMap(value)
    ? Object.entries(value).filter(([key]) => KEPT.includes(key) && (key !== "max_age" || aged))
    : [];
  return { ...beginning, ...Object.fromEntries(kept) };
}
