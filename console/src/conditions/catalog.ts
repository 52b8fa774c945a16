import { useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { answerOf, api } from "@/api/client";
import { useMay } from "@/api/session";
import type { Types } from "./scalarTexts";

/** A name that exists, with the types of its values and some of them. */
export interface CatalogEntry {
  readonly name: string;
  readonly types: Types;
  readonly examples: readonly (string | number | boolean)[];
}

const MINUTE = 60_000;
const QUERY = { params: { query: { limit: 500 } } } as const;
const NO_ENTRIES: readonly CatalogEntry[] = [];

function singles(values: readonly unknown[]): (string | number | boolean)[] {
  return values
    .flatMap((value) => (Array.isArray(value) ? value : [value]))
    .filter((value) => ["string", "number", "boolean"].includes(typeof value)) as (
    | string
    | number
    | boolean
  )[];
}

function field(name: string, type: "text" | "number" | "truth" = "text"): CatalogEntry {
  return { name, types: [type], examples: [] };
}

/** The fields of every contact, which are attributes too. */
const FIELDS: readonly CatalogEntry[] = [
  ...["email", "phone", "country", "locale", "timezone", "lifecycle", "external_id"].map((name) =>
    field(name),
  ),
  field("score", "number"),
  field("restricted", "truth"),
];

function withFields(entries: readonly CatalogEntry[]): readonly CatalogEntry[] {
  const seen = new Set(entries.map((each) => each.name));
  return [...entries, ...FIELDS.filter((each) => !seen.has(each.name))];
}

/** The attributes that contacts have, and their fields. */
export function useAttributes(wanted = true): readonly CatalogEntry[] {
  const mayRead = useMay("read");
  const found = useQuery({
    queryKey: ["attribute-catalog"],
    queryFn: async () =>
      (await answerOf(api.GET("/v1/attributes", QUERY))).items.map((each) => ({
        name: each.name,
        types: each.types,
        examples: singles(each.examples),
      })),
    enabled: wanted && mayRead,
    staleTime: MINUTE,
    retry: false,
  });
  return useMemo(() => withFields(found.data ?? NO_ENTRIES), [found.data]);
}

interface EventEntry {
  readonly name: string;
  readonly properties: readonly CatalogEntry[];
}

/** The events that are known, with their properties. */
export function useEvents(wanted = true): readonly EventEntry[] {
  const mayRead = useMay("read");
  const found = useQuery({
    queryKey: ["event-catalog"],
    queryFn: async () =>
      (await answerOf(api.GET("/v1/events/catalog"))).items.map((each) => ({
        name: each.name,
        properties: each.properties.map((property) => ({
          name: property.name,
          types: property.types,
          examples: singles(property.examples),
        })),
      })),
    enabled: wanted && mayRead,
    staleTime: MINUTE,
    retry: false,
  });
  return found.data ?? [];
}

/** The properties that events of a name have. */
export function useEventProperties(event: string): readonly CatalogEntry[] {
  const events = useEvents(event !== "");
  return events.find((each) => each.name === event)?.properties ?? NO_ENTRIES;
}
