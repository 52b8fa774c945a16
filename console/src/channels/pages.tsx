import { Route, Switch } from "wouter";
import { decoded } from "@/components/addresses";
import { DocumentPage } from "@/documents/DocumentPage";
import { texts } from "@/texts";
import { ChannelList } from "./ChannelList";

const words = texts.channels;

/** The list of channels, and the settings of each. */
export function pages() {
  return (
    <Switch>
      <Route path="/">
        <ChannelList />
      </Route>
      <Route path="/:key" nest>
        {({ key }) => (
          <DocumentPage
            kind="channel"
            document={decoded(key)}
            line={words.names[decoded(key)] ?? null}
          />
        )}
      </Route>
    </Switch>
  );
}
