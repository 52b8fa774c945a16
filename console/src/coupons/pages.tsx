import { Route, Switch } from "wouter";
import { decoded } from "@/components/addresses";
import { CouponList } from "./CouponList";
import { NewPool } from "./NewPool";
import { PoolPage } from "./PoolPage";

/** The list of pools, and each of them by its name. */
export function pages() {
  return (
    <Switch>
      <Route path="/">
        <CouponList />
      </Route>
      <Route path="/new">
        <NewPool />
      </Route>
      <Route path="/:pool" nest>
        {({ pool }) => <PoolPage pool={decoded(pool)} />}
      </Route>
    </Switch>
  );
}
