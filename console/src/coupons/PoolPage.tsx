import { Text } from "@mantine/core";
import { Redirect, Route, Switch } from "wouter";
import { isNotFound } from "@/api/problems";
import { useMay } from "@/api/session";
import { FigureLine } from "@/components/FigureLine";
import { figure } from "@/components/figures";
import { LoadingLine } from "@/components/LoadingLine";
import { Page } from "@/components/Page";
import { PlaceTabs } from "@/components/PlaceTabs";
import { ProblemNotice } from "@/components/ProblemNotice";
import { Section } from "@/components/Section";
import { UsedIn } from "@/documents/UsedIn";
import { texts } from "@/texts";
import { AddCodes } from "./AddCodes";
import { Stock } from "./CouponList";
import { Draws } from "./Draws";
import { type Pool, useLowPools, usePool } from "./pool";

const words = texts.coupons;

const TABS = [
  { path: "/codes", name: words.tabs.codes },
  { path: "/draws", name: words.tabs.draws },
  { path: "/uses", name: words.tabs.uses },
] as const;

/** One pool: what is left of it, more codes, who drew, and where it is drawn from. */
export function PoolPage({ pool }: { pool: string }) {
  const found = usePool(pool);
  const low = useLowPools().get(pool);
  if (found.data === undefined) {
    return found.isError ? (
      <Page title={pool}>
        {isNotFound(found.error) ? (
          <p>{texts.parts.notFound}</p>
        ) : (
          <ProblemNotice error={found.error} retry={() => found.refetch()} />
        )}
      </Page>
    ) : (
      <LoadingLine />
    );
  }
  return (
    <Page title={pool} line={low !== undefined && <Stock reason={low} />}>
      <PlaceTabs label={pool} tabs={TABS} />
      <Switch>
        <Route path="/codes">
          <Codes pool={found.data} low={low !== undefined} />
        </Route>
        <Route path="/draws">
          <Draws pool={pool} />
        </Route>
        <Route path="/uses">
          <UsedIn kind="pool" document={pool} />
        </Route>
        <Route path="/">
          <Redirect to="/codes" replace />
        </Route>
      </Switch>
    </Page>
  );
}

function Codes({ pool, low }: { pool: Pool; low: boolean }) {
  const mayAdd = useMay("operate");
  return (
    <>
      <FigureLine
        figures={[
          { name: words.left, value: figure(pool.left) },
          { name: words.drawn, value: figure(pool.drawn) },
          { name: words.redeemed, value: figure(pool.redeemed) },
          { name: words.total, value: figure(pool.total) },
        ]}
      />
      {low && (
        <Text role="status" mb="md">
          {words.low(pool.left)}
        </Text>
      )}
      <Section title={words.upload}>
        {mayAdd ? <AddCodes pool={pool.pool} /> : <Text>{words.cannotAdd}</Text>}
      </Section>
    </>
  );
}
