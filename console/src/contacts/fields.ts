import { useQuery } from "@tanstack/react-query";
import { answerOf, api } from "@/api/client";
import { texts } from "@/texts";
import type { ValueType } from "./values";

const words = texts.contacts;

/** The fields of a contact that an operator may set, with their types. */
export const FIELDS = [
  { name: "email", label: words.email, type: "text" },
  { name: "phone", label: words.phone, type: "text" },
  { name: "timezone", label: words.zone, type: "text" },
  { name: "locale", label: words.locale, type: "text" },
  { name: "country", label: words.country, type: "text" },
  { name: "lifecycle", label: words.lifecycle, type: "text" },
  { name: "score", label: words.score, type: "number" },
] as const satisfies readonly { name: string; label: string; type: ValueType }[];

/** The names of attributes that contacts have. */
export function useAttributeNames(): readonly string[] {
  const read = useQuery({
    queryKey: ["attributes", "names"],
    queryFn: () => answerOf(api.GET("/v1/attributes", { params: { query: { limit: 500 } } })),
    select: ({ items }) => items.filter((each) => !each.field).map((each) => each.name),
    staleTime: 60_000,
  });
  return read.data ?? [];
}

/** The keys of groups that have members. */
export function useGroupKeys(): readonly string[] {
  const read = useQuery({
    queryKey: ["groups", "keys"],
    queryFn: () => answerOf(api.GET("/v1/groups", { params: { query: { limit: 500 } } })),
    select: ({ items }) => items.map((each) => each.key),
    staleTime: 60_000,
  });
  return read.data ?? [];
}

/** The keys of segments. */
export function useSegmentKeys(): readonly string[] {
  const read = useQuery({
    queryKey: ["segments", "keys"],
    queryFn: () => answerOf(api.GET("/v1/segments", { params: { query: { limit: 500 } } })),
    select: ({ items }) => items.map((each) => each.key),
    staleTime: 60_000,
  });
  return read.data ?? [];
}
