import { useQuery } from "@tanstack/react-query";
import { answerOf, api } from "@/api/client";
import type { Model } from "@/api/models";
import { everyPage } from "@/api/pages";

export type Pool = Model<"PoolBody">;
export type Imported = Model<"Imported">;

const CSV = { "Content-Type": "text/csv" } as const;

/** All pools with the numbers of their codes. */
export function usePools() {
  return useQuery({
    queryKey: ["coupons"],
    queryFn: () =>
      everyPage<Pool>((after) =>
        answerOf(api.GET("/v1/coupons", { params: { query: { limit: 500, ...after } } })),
      ),
    refetchInterval: 10_000,
  });
}

/** A pool with the numbers of its codes. */
export function usePool(pool: string) {
  return useQuery({
    queryKey: ["coupon", pool],
    queryFn: () => answerOf(api.GET("/v1/coupons/{pool}", { params: { path: { pool } } })),
    refetchInterval: 10_000,
  });
}

/** The pools with few codes left, each with the reason, as attention has them. */
export function useLowPools(): ReadonlyMap<string, string> {
  const attention = useQuery({
    queryKey: ["attention", "coupons"],
    queryFn: () => answerOf(api.GET("/v1/attention", { params: { query: { kind: "coupons" } } })),
    refetchInterval: 30_000,
  });
  return new Map(attention.data?.items.map((item) => [item.subject, item.reason ?? ""]) ?? []);
}

/** Add the codes of a file to a pool, without the lines that are refused; or only say what would be. */
export async function uploadCodes(pool: string, file: File, dryRun: boolean): Promise<Imported> {
  return await answerOf(
    api.POST("/v1/coupons/{pool}", {
      params: { path: { pool }, query: { dry_run: dryRun, bad_lines: "skip" } },
      // The file itself is the body.
      body: file as never,
      bodySerializer: (body: unknown) => body as File,
      headers: CSV,
    }),
  );
}
