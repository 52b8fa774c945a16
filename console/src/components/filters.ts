import { useCallback } from "react";
import { useSearchParams } from "wouter";

/** The value of a filter in the address of the page, and what sets it; empty means no filter. */
export function useFilter(name: string): [string, (value: string | null) => void] {
  const [search, setSearch] = useSearchParams();
  const set = useCallback(
    (value: string | null) => {
      setSearch(
        (before) => {
          const next = new URLSearchParams(before);
          if (value === null || value === "") {
            next.delete(name);
          } else {
            next.set(name, value);
          }
          return next;
        },
        { replace: true },
      );
    },
    [name, setSearch],
  );
  return [search.get(name) ?? "", set];
}
