import { Button } from "@mantine/core";
import { type UseInfiniteQueryResult, useInfiniteQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { texts } from "@/texts";
import { type Column, DataTable } from "./DataTable";
import { LoadingLine } from "./LoadingLine";
import { ProblemNotice } from "./ProblemNotice";

interface PageOf<Row> {
  items: Row[];
  next?: string | null;
}

/** A list of the API, read page by page with its cursor. */
export function useListing<Row>(
  key: readonly unknown[],
  read: (cursor: string | undefined) => Promise<PageOf<Row>>,
  refresh?: number,
) {
  return useInfiniteQuery({
    queryKey: key,
    queryFn: ({ pageParam }) => read(pageParam),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page: PageOf<Row>) => page.next ?? undefined,
    ...(refresh === undefined ? {} : { refetchInterval: refresh }),
  });
}

interface ListingProps<Row> {
  label: string;
  query: UseInfiniteQueryResult<{ pages: PageOf<Row>[] }, Error>;
  columns: readonly Column<Row>[];
  rowKey: (row: Row) => string;
  empty?: ReactNode;
  marked?: (row: Row) => boolean;
  detail?: (row: Row) => ReactNode;
}

/** A table of such a list, with a button for its next page. */
export function Listing<Row>({ query, ...table }: ListingProps<Row>) {
  if (query.data === undefined) {
    return query.isError ? (
      <ProblemNotice error={query.error} retry={() => query.refetch()} />
    ) : (
      <LoadingLine />
    );
  }
  return (
    <>
      {query.isError && <ProblemNotice error={query.error} retry={() => query.refetch()} />}
      <DataTable {...table} rows={query.data.pages.flatMap((page) => page.items)} />
      {query.hasNextPage && (
        <Button
          variant="default"
          mt="sm"
          loading={query.isFetchingNextPage}
          onClick={() => query.fetchNextPage()}
        >
          {texts.parts.more}
        </Button>
      )}
    </>
  );
}
