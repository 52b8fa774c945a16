import { Route, Switch } from "wouter";
import { JobList } from "./JobList";
import { JobPage } from "./JobPage";

/** The list of jobs, and each of them by its id. */
export function pages() {
  return (
    <Switch>
      <Route path="/">
        <JobList />
      </Route>
      <Route path="/:job">{({ job }) => <JobPage id={job} />}</Route>
    </Switch>
  );
}
