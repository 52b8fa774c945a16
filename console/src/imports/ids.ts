/** The ids of a list: one a line, each once. */
export function idsOf(text: string): string[] {
  const ids = text
    .split(/[\n\r]+/)
    .map((each) => each.trim())
    .filter((each) => each !== "");
  return [...new Set(ids)];
}
