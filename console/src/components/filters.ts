import { useCallback, useMemo } from "react";
import { useSearchParams } from "wouter";

type Change = Readonly<Record<string, string | null>>;

/** Change parts of the page's address in one step; empty or null takes a part out. */
export function useAddressChange(): (change: Change) => void {
  const [, setSearch] = useSearchParams();
  return useCallback(
    (change: Change) => {
      setSearch(
        () => {
          // Of the address as it is now: another part of the page may have changed it since the
          // last time that this one was drawn.
          const next = new URLSearchParams(window.location.search);
          for (const [name, value] of Object.entries(change)) {
            if (value === null || value === "") {
              next.delete(name);
            } else {
              next.set(name, value);
            }
          }
          return next;
        },
        { replace: true },
      );
    },
    [setSearch],
  );
}

/** The value of a filter in the address of the page, and what sets it; empty means no filter. */
export function useFilter(name: string): [string, (value: string | null) => void] {
  const [search] = useSearchParams();
  const change = useAddressChange();
  const set = useCallback((value: string | null) => change({ [name]: value }), [change, name]);
  return [search.get(name) ?? "", set];
}

/** The values of several filters in the address; empty means no filter. */
export function useFilters<Name extends string>(names: readonly Name[]): Record<Name, string> {
  const [search] = useSearchParams();
  return useMemo(
    () =>
      Object.fromEntries(names.map((name) => [name, search.get(name) ?? ""])) as Record<
        Name,
        string
      >,
    [names, search],
  );
}

/** What is not empty, as the query of a call. */
export function given<Query extends Readonly<Record<string, string>>>(
  query: Query,
): Partial<Query> {
  return Object.fromEntries(
    Object.entries(query).filter(([, value]) => value !== ""),
  ) as Partial<Query>;
}
