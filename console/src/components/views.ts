import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect, useRef } from "react";
import { answerOf, api } from "@/api/client";
import { ApiProblem } from "@/api/problems";
import { texts } from "@/texts";

/** Filters under a name; the query of the address has all of it. */
export interface SavedView {
  name: string;
  search: string;
}

/** A view that the server keeps: of one's own key, or shared by all. */
export interface KeptView extends SavedView {
  shared: boolean;
  savedBy: string;
}

const VIEWS = ["views"] as const;
const MOST = 500;
const KEPT_HERE = "parcours.views.";

async function readViews() {
  const page = await answerOf(api.GET("/v1/views", { params: { query: { limit: MOST } } }));
  return page.items;
}

type ReadView = Awaited<ReturnType<typeof readViews>>[number];

function pathOf(name: string, shared: boolean) {
  return { path: { name }, ...(shared ? { query: { shared } } : {}) };
}

async function putView(page: string, view: SavedView, shared: boolean) {
  return await answerOf(
    api.PUT("/v1/views/{name}", {
      params: pathOf(view.name, shared),
      body: { page, query: view.search },
    }),
  );
}

/** The views of a place, own and shared, that the server keeps. */
export function useSavedViews(place: string) {
  const queries = useQueryClient();
  const page = `/${place}`;
  const read = useQuery({ queryKey: VIEWS, queryFn: readViews, staleTime: 30_000 });
  const again = () => queries.invalidateQueries({ queryKey: VIEWS });
  useTakingOver(place, read.data, again);
  const save = useMutation({
    mutationFn: async ({ view, shared }: { view: SavedView; shared: boolean }) => {
      // A name is that of one view, whichever list it is of.
      const other = (await readViews()).find(
        (each) => each.name === view.name && each.shared === shared && each.page !== page,
      );
      if (other !== undefined) {
        throw new ApiProblem(409, "name_taken", texts.views.taken(other.name, other.page));
      }
      await putView(page, view, shared);
    },
    onSuccess: again,
  });
  const remove = useMutation({
    mutationFn: async ({ name, shared }: KeptView) =>
      answerOf(api.DELETE("/v1/views/{name}", { params: pathOf(name, shared) })),
    onSettled: again,
  });
  const views = (read.data ?? [])
    .filter((each) => each.page === page)
    .map(
      (each): KeptView => ({
        name: each.name,
        search: each.query,
        shared: each.shared,
        savedBy: each.saved_by,
      }),
    );
  return { views, known: read.data !== undefined, save, remove };
}

/** Takes over, once, the views that this browser kept before the server did. */
function useTakingOver(
  place: string,
  known: readonly ReadView[] | undefined,
  onTaken: () => void,
): void {
  const begun = useRef(false);
  const done = useRef(onTaken);
  done.current = onTaken;
  useEffect(() => {
    const kept = localStorage.getItem(`${KEPT_HERE}${place}`);
    if (known === undefined || kept === null || begun.current) {
      return;
    }
    begun.current = true;
    void takeOver(place, viewsOf(kept), known).then(
      () => {
        localStorage.removeItem(`${KEPT_HERE}${place}`);
        done.current();
      },
      // It is tried again when the page is opened the next time.
      () => undefined,
    );
  }, [known, place]);
}

async function takeOver(place: string, views: readonly SavedView[], known: readonly ReadView[]) {
  const own = known.filter((each) => !each.shared);
  const taken = new Set(own.map((each) => each.name));
  for (const view of views) {
    if (own.some((each) => each.page === `/${place}` && each.query === view.search)) {
      continue;
    }
    const name = freeName(view.name, taken);
    taken.add(name);
    await putView(`/${place}`, { name, search: view.search }, false);
  }
}

/** The name itself, or with the first number that is free. */
export function freeName(name: string, taken: ReadonlySet<string>): string {
  let number = 1;
  let free = name;
  while (taken.has(free)) {
    number += 1;
    free = `${name} (${number})`;
  }
  return free;
}

/** The views in a stored text; none if the text is not what was stored. */
export function viewsOf(text: string | undefined): SavedView[] {
  try {
    const found: unknown = JSON.parse(text ?? "[]");
    return Array.isArray(found) ? found.filter(isView) : [];
  } catch {
    return [];
  }
}

function isView(value: unknown): value is SavedView {
  return (
    typeof value === "object" &&
    value !== null &&
    "name" in value &&
    "search" in value &&
    typeof value.name === "string" &&
    typeof value.search === "string"
  );
}

/** A query with its parts in one order, without those of the page's state: two equal ones are one. */
export function viewSearch(search: URLSearchParams, left: readonly string[]): string {
  const kept = [...search].filter(([name]) => !left.includes(name));
  kept.sort(([one], [other]) => one.localeCompare(other));
  return new URLSearchParams(kept).toString();
}
