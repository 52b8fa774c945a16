interface PageOf<Row> {
  items: readonly Row[];
  next?: string | null;
}

/** All rows of a list, read page after page by its cursor. */
export async function everyPage<Row>(
  read: (after: { cursor?: string }) => Promise<PageOf<Row>>,
): Promise<Row[]> {
  const found: Row[] = [];
  let cursor: string | undefined;
  do {
    const page = await read(cursor === undefined ? {} : { cursor });
    found.push(...page.items);
    cursor = page.next ?? undefined;
  } while (cursor !== undefined);
  return found;
}
