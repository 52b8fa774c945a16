import { useQuery } from "@tanstack/react-query";
import { answerOf, api } from "@/api/client";

/** The kinds of things that a document refers to by name. */
export type NameKind =
  | "attributes"
  | "brands"
  | "events"
  | "groups"
  | "journeys"
  | "places"
  | "pools"
  | "segments"
  | "steps"
  | "templates"
  | "topics";

/** The kind of thing that the value of a key names, if it names one that can be looked up. */
export const NAMED_BY: Readonly<Record<string, NameKind>> = {
  attribute: "attributes",
  brand: "brands",
  event: "events",
  goto: "steps",
  group: "groups",
  journey: "journeys",
  layout: "templates",
  message: "steps",
  places: "places",
  pool: "pools",
  segment: "segments",
  step: "steps",
  template: "templates",
  topic: "topics",
};

/** Milliseconds for which names are taken as known: one that was made elsewhere is there soon. */
const FRESH = 5_000;
const QUERY = { params: { query: { limit: 500 } } } as const;

async function namesOf(kind: NameKind): Promise<string[]> {
  switch (kind) {
    case "attributes":
      return (await answerOf(api.GET("/v1/attributes", QUERY))).items.map((each) => each.name);
    case "journeys":
      return (await answerOf(api.GET("/v1/journeys", QUERY))).items.map((each) => each.key);
    case "events":
      return (await answerOf(api.GET("/v1/events/catalog", QUERY))).items.map((each) => each.name);
    case "groups":
      return (await answerOf(api.GET("/v1/groups", QUERY))).items.map((each) => each.key);
    case "pools":
      return (await answerOf(api.GET("/v1/coupons", QUERY))).items.map((each) => each.pool);
    case "brands":
    case "places":
    case "segments":
    case "templates":
    case "topics":
      return (await answerOf(api.GET(`/v1/${kind}`, QUERY))).items.map((each) => each.key);
    case "steps":
      return [];
  }
}

/** Whether it is known that a name of a kind is not there, or, without a name, that there is none. */
export function useMissing(kind: NameKind, name: string): boolean {
  const found = useQuery<readonly string[]>({
    queryKey: ["names", kind],
    queryFn: () => namesOf(kind),
    enabled: kind !== "steps",
    staleTime: FRESH,
    retry: false,
  });
  const { data } = found;
  return data !== undefined && (name === "" ? data.length === 0 : !data.includes(name));
}

/** The names that exist of a kind; the steps are those of the journey itself. */
export function useNames(kind: NameKind | undefined, steps: readonly string[]): readonly string[] {
  const found = useQuery({
    queryKey: ["names", kind],
    queryFn: () => (kind === undefined ? [] : namesOf(kind)),
    enabled: kind !== undefined && kind !== "steps",
    staleTime: FRESH,
    retry: false,
  });
  return kind === "steps" ? steps : (found.data ?? []);
}
