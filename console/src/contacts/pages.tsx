import { Route, Switch } from "wouter";
import { ContactList } from "./ContactList";
import { ContactPage } from "./ContactPage";

/** The search of contacts, and each of them by its id. */
export function pages() {
  return (
    <Switch>
      <Route path="/">
        <ContactList />
      </Route>
      <Route path="/:contact" nest>
        {({ contact }) => <ContactPage contact={decodeURIComponent(contact)} />}
      </Route>
    </Switch>
  );
}
