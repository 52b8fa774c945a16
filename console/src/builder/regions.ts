/** The parts of the builder that keys lead to: the graph, and the settings or the text beside it. */
export type Region = "graph" | "settings" | "text";

export const GRAPH = "builder-graph";
export const SIDE = "builder-side";

/** Whether an element of the page stands in the graph. */
export function isInGraph(element: Element | null): boolean {
  return element?.closest(`#${GRAPH}`) != null;
}

/** The first field of the settings or of the trial; of those that only show, what is chosen above. */
export function fieldOfSide(): HTMLElement | null {
  const side = document.getElementById(SIDE);
  const fields = side?.querySelectorAll<HTMLElement>("section :is(input, textarea):enabled");
  const field = [...(fields ?? [])].find((each) => each.checkVisibility());
  return field ?? side?.querySelector<HTMLElement>("input:checked") ?? null;
}

/** Where a text is typed, once its editor is loaded. */
export function fieldOfText(): HTMLElement | null {
  return document.querySelector<HTMLElement>(`#${SIDE} [data-text] .cm-content`);
}

/** The card of a key, if it is drawn. */
export function cardOfKey(key: string): HTMLElement | null {
  return document.querySelector<HTMLElement>(`[data-card="${CSS.escape(key)}"]`);
}
