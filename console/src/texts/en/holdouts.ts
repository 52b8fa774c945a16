import { counted } from "../plural";

export const holdouts = {
  title: "Holdouts",
  open: "New holdout",
  named: "Called",
  share: "Kept out",
  journeys: "Journeys",
  allJourneys: "all journeys",
  someJourneys: (count: number) => counted(count, "journey"),
  empty:
    "No holdout yet. A holdout keeps a share of contacts out of journeys, so that you see what these do:",
  emptyExample: "{holdout: no-marketing, share: 5%, journeys: all}",
  from: { all: "5% of contacts, out of all journeys", one: "10% of contacts, out of one journey" },
  tab: "Results",
} as const;
