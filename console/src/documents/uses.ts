import { useQuery } from "@tanstack/react-query";
import { answerOf, api } from "@/api/client";
import type { PlainKind } from "@/api/documents";
import type { Model } from "@/api/models";

/** A document that names another one. */
export type Use = Model<"UseBody">;

async function readUses(kind: PlainKind, key: string | undefined): Promise<readonly Use[]> {
  const found: Use[] = [];
  let cursor: string | undefined;
  do {
    const query = {
      kind,
      limit: 500,
      ...(key === undefined ? {} : { key }),
      ...(cursor === undefined ? {} : { cursor }),
    };
    const page = await answerOf(api.GET("/v1/documents/uses", { params: { query } }));
    found.push(...page.items);
    cursor = page.next ?? undefined;
  } while (cursor !== undefined);
  return found;
}

/** What names the documents of a kind, or one of them. */
export function useUses(kind: PlainKind, key?: string) {
  return useQuery({
    queryKey: ["uses", kind, key ?? null],
    queryFn: () => readUses(kind, key),
    staleTime: 10_000,
  });
}
