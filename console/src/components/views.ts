import { useLocalStorage } from "@mantine/hooks";

/** Filters that a person has named; the query of the address has all of it. */
export interface SavedView {
  name: string;
  search: string;
}

/** The views of a place that this browser keeps. */
export function useSavedViews(place: string) {
  const [views, setViews] = useLocalStorage<SavedView[]>({
    key: `parcours.views.${place}`,
    defaultValue: [],
    getInitialValueInEffect: false,
    deserialize: viewsOf,
  });
  return {
    views,
    save: (view: SavedView) =>
      setViews((before) => [...before.filter((each) => each.name !== view.name), view]),
    remove: (name: string) => setViews((before) => before.filter((each) => each.name !== name)),
  };
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
