/** A path with the parts of a query that are not empty. */
export function withQuery(
  path: string,
  query: Readonly<Record<string, string | null | undefined>>,
): string {
  const found = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== null && value !== undefined && value !== "") {
      found.set(name, value);
    }
  }
  const text = found.toString();
  return text === "" ? path : `${path}?${text}`;
}

/** A part of a path as it was before it was encoded. */
export function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
