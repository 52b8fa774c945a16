import { Route, Switch } from "wouter";
import { decoded } from "@/components/addresses";
import { ChannelList } from "./ChannelList";
import { ChannelPage } from "./ChannelPage";

/** The list of channels, and the settings of each. */
export function pages() {
  return (
    <Switch>
      <Route path="/">
        <ChannelList />
      </Route>
      <Route path="/:key" nest>
        {({ key }) => <ChannelPage channel={decoded(key)} />}
      </Route>
    </Switch>
  );
}
