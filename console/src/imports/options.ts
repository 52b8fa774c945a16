import type { Model } from "@/api/models";
import type { operations } from "@/api/schema";

export type ImportReport = Model<"ImportReport">;
export type ImportColumns = Model<"ImportColumns">;

type Query = NonNullable<operations["import_file_v1_contacts_import_post"]["parameters"]["query"]>;
export type What = NonNullable<Query["what"]>;
export type By = NonNullable<Query["by"]>;
export type Mode = NonNullable<Query["mode"]>;
export type Preset = NonNullable<Query["preset"]>;

/** What an import is asked to do, but for its file. */
export interface ImportOptions {
  what: What;
  by: By;
  mode: Mode;
  preset: Preset | null;
  empty: "keep" | "remove";
  timezone: string;
  groups: string;
  beginJourneys: boolean;
  encoding: string;
  delimiter: string;
  rate: string;
  /** The targets that were chosen, by the column. */
  map: Readonly<Record<string, string>>;
}

export const USUAL: ImportOptions = {
  what: "contacts",
  by: "external_id",
  mode: "merge",
  preset: null,
  empty: "keep",
  timezone: "",
  groups: "",
  beginJourneys: false,
  encoding: "",
  delimiter: "",
  rate: "",
  map: {},
};

/** Kinds of files whose changes may begin journeys. */
export const BEGINNING: readonly What[] = ["contacts", "groups", "topics"];

/** The options as the query of a call. What is of another kind of file is left out. */
export function queryOf(options: ImportOptions): URLSearchParams {
  const query = new URLSearchParams({
    what: options.what,
    by: options.by,
    mode: options.mode,
    empty: options.empty,
  });
  const texts = { timezone: options.timezone, encoding: options.encoding, rate: options.rate };
  for (const [name, value] of Object.entries(texts)) {
    if (value.trim() !== "") {
      query.set(name, value.trim());
    }
  }
  if (options.delimiter !== "") {
    query.set("delimiter", options.delimiter);
  }
  if (options.preset !== null) {
    query.set("preset", options.preset);
  }
  if (options.what === "contacts") {
    for (const group of groupsOf(options.groups)) {
      query.append("group", group);
    }
  }
  if (options.beginJourneys && BEGINNING.includes(options.what)) {
    query.set("begin_journeys", "true");
  }
  if (Object.keys(options.map).length > 0) {
    query.set("map", JSON.stringify(options.map));
  }
  return query;
}

/** The keys of groups in a text with commas between. */
export function groupsOf(text: string): string[] {
  return text
    .split(",")
    .map((each) => each.trim())
    .filter((each) => each !== "");
}
