import { counted } from "../plural";

export const holdouts = {
  title: "Holdouts",
  open: "New holdout",
  named: "Called",
  share: "Kept out",
  journeys: "Of",
  allJourneys: "all journeys",
  someJourneys: (count: number) => counted(count, "journey"),
  empty:
    "No holdout yet. A holdout keeps a share of contacts out of journeys, so that you see what these do:",
  emptyExample: "{holdout: no-marketing, share: 5%, journeys: all}",
  from: { all: "5% of contacts, out of all journeys", one: "10% of contacts, out of one journey" },
  tab: "Results",
  whole: "All journeys together",
  ofJourney: (journey: string) => `The journey ${journey}`,
  states: {
    not_begun: "not begun yet",
    in_force: "keeps contacts out",
    ended: "is over",
  } as Record<string, string>,
  who: "Contacts that",
  entered: "entered",
  heldOut: "were held out",
  contacts: "Contacts",
  goals: "Met the goal",
  rate: "Rate",
  between: (low: string, high: string) => `${low} to ${high}`,
  open_: "Still open",
  value: "Value",
  perContact: "Per contact",
  lift: (lift: string, more: boolean) =>
    more
      ? `Those who entered met the goal ${lift} more often.`
      : `Those who entered met the goal ${lift} less often.`,
  liftBetween: (low: string, high: string | null) =>
    high === null
      ? `By now it is at least ${low} times the rate of the others.`
      : `By now it is between ${low} and ${high} times the rate of the others.`,
  added: (goals: string) => `About ${goals} goals came of the journeys.`,
  confidence: (level: string) =>
    `Said with ${level} confidence, however often one looks (sequential method).`,
  notMeasured: (count: number) =>
    `${counted(count, "contact")} entered journeys without a goal that both could meet, and are in no figure.`,
  version: "Design of version",
  newest: "the newest",
  comparison: "Entered and held out",
} as const;
