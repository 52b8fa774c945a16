import { useMemo } from "react";
import { texts } from "@/texts";
import { type Use, type UsedKind, useUses } from "./uses";

/** "3 journeys, 1 template"; a dash for none. */
export function usesInWords(uses: readonly Use[]): string {
  const counts = new Map<Use["by"], number>();
  for (const { by } of uses) {
    counts.set(by, (counts.get(by) ?? 0) + 1);
  }
  const said = [...counts].map(([by, count]) => texts.documents.countOf(by, count));
  return said.length === 0 ? texts.parts.none : said.join(", ");
}

/** For the things of a kind, by their keys, what uses each in words. */
export function useUsedWords(kind: UsedKind): (key: string) => string {
  const uses = useUses(kind).data;
  return useMemo(() => {
    const byKey = new Map<string, Use[]>();
    for (const use of uses ?? []) {
      byKey.set(use.key, [...(byKey.get(use.key) ?? []), use]);
    }
    return (key) => usesInWords(byKey.get(key) ?? []);
  }, [uses]);
}
