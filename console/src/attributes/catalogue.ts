import { useQuery } from "@tanstack/react-query";
import { answerOf, api } from "@/api/client";
import type { Model } from "@/api/models";

export type Attribute = Model<"AttributeBody">;

export interface Catalogue {
  items: readonly Attribute[];
  /** How many contacts there are, and how many of them were read. */
  contacts: number;
  read: number;
  exact: boolean;
}

async function readCatalogue(): Promise<Catalogue> {
  const found: Attribute[] = [];
  let cursor: string | undefined;
  for (;;) {
    const query = { limit: 500, ...(cursor === undefined ? {} : { cursor }) };
    const page = await answerOf(api.GET("/v1/attributes", { params: { query } }));
    found.push(...page.items);
    if (page.next === null) {
      return { items: found, contacts: page.contacts, read: page.read, exact: page.exact };
    }
    cursor = page.next;
  }
}

/** The attributes of all contacts; of many contacts a sample is read. */
export function useCatalogue() {
  return useQuery({ queryKey: ["attributes"], queryFn: readCatalogue, staleTime: 60_000 });
}

/** A value as one would write it in a condition. */
export function written(value: unknown): string {
  return JSON.stringify(value);
}
