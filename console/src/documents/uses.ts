import { useQuery } from "@tanstack/react-query";
import { answerOf, api } from "@/api/client";
import type { Model } from "@/api/models";
import { everyPage } from "@/api/pages";

/** A document that names a thing: another document, a pool, a group, an attribute… */
export type Use = Model<"UseBody">;

/** The kinds of what documents name. */
export type UsedKind = Use["kind"];

async function readUses(kind: UsedKind, key: string | undefined): Promise<readonly Use[]> {
  return await everyPage<Use>((after) => {
    const query = { kind, limit: 500, ...(key === undefined ? {} : { key }), ...after };
    return answerOf(api.GET("/v1/documents/uses", { params: { query } }));
  });
}

/** What names the things of a kind, or one of them. */
export function useUses(kind: UsedKind, key?: string) {
  return useQuery({
    queryKey: ["uses", kind, key ?? null],
    queryFn: () => readUses(kind, key),
    staleTime: 1_000,
    refetchInterval: 30_000,
  });
}
