import { Button } from "@mantine/core";
import { Link } from "wouter";
import { useMay } from "@/api/session";
import { CommandLine } from "@/components/CommandLine";
import { type Column, DataTable } from "@/components/DataTable";
import { FindField, useFound } from "@/components/FindField";
import { figure } from "@/components/figures";
import { LoadingLine } from "@/components/LoadingLine";
import { Page } from "@/components/Page";
import { PlaceLink } from "@/components/PlaceLink";
import { ProblemNotice } from "@/components/ProblemNotice";
import { usedLink } from "@/documents/UsedLink";
import { useUsedWords } from "@/documents/usedWords";
import { texts } from "@/texts";
import { type Pool, useLowPools, usePools } from "./pool";

const words = texts.coupons;

/** All pools: their codes, what is left, and who draws from them. */
export function CouponList() {
  const mayAdd = useMay("operate");
  const pools = usePools();
  const low = useLowPools();
  const used = useUsedWords("pool");
  const shown = useFound(pools.data, (row) => row.pool);
  const columns: readonly Column<Pool>[] = [
    {
      key: "pool",
      title: words.pool,
      cell: (row) => <PlaceLink to={`/${encodeURIComponent(row.pool)}`}>{row.pool}</PlaceLink>,
    },
    { key: "used", title: words.used, cell: (row) => usedLink(row.pool, used(row.pool)) },
    { key: "stock", title: words.stock, cell: (row) => <Stock reason={low.get(row.pool)} /> },
    { key: "left", title: words.left, number: true, cell: (row) => figure(row.left) },
    { key: "drawn", title: words.drawn, number: true, cell: (row) => figure(row.drawn) },
    { key: "redeemed", title: words.redeemed, number: true, cell: (row) => figure(row.redeemed) },
    { key: "total", title: words.total, number: true, cell: (row) => figure(row.total) },
  ];
  return (
    <Page
      title={words.title}
      actions={
        <>
          <FindField label={words.find} />
          {mayAdd && (
            <Button component={Link} to="/new" size="sm">
              {words.open}
            </Button>
          )}
        </>
      }
    >
      {pools.isError && <ProblemNotice error={pools.error} retry={() => pools.refetch()} />}
      {pools.data === undefined ? (
        !pools.isError && <LoadingLine />
      ) : (
        <DataTable
          label={words.title}
          columns={columns}
          rows={shown}
          rowKey={(row) => row.pool}
          empty={
            pools.data.length > 0 ? (
              words.noneFound
            ) : (
              <>
                {words.empty} <CommandLine command={words.emptyCommand} />
              </>
            )
          }
        />
      )}
    </Page>
  );
}

/** That a pool is running out, in words; a dash if it is not. */
export function Stock({ reason }: { reason: string | undefined }) {
  if (reason === undefined) {
    return texts.parts.none;
  }
  return (
    <span className="state" data-state={reason === "exhausted" ? "failed" : "deferred"}>
      {words.reasons[reason] ?? reason}
    </span>
  );
}
