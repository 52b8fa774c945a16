import type { Model } from "@/api/models";
import { counted } from "../plural";

type Kind = Model<"AttentionBody">["kind"];

export const attention = {
  title: "Attention",
  line: (count: number) => counted(count, "thing"),
  calm: "All is well: nothing needs a person.",
  calmAsOf: "Read",
  menu: (count: number) => `${counted(count, "thing")} need a person`,
  kinds: {
    retrying: "Sends that are tried again",
    unknown: "Messages that may have gone out: the provider's answer is not known",
    failed: "Messages that were refused, or that no provider took",
    stuck: "Runs that are due and make no progress",
    dead_events: "Events whose dispatch was given up",
    set_aside: "Events and calls that failed alone, and are tried again",
    rejected: "Calls that were rejected",
    documents: "Documents that no longer validate, and are disabled",
    paused: "Journeys that are paused, and their sends that wait",
    frozen: "Channels whose marketing is frozen, and the sends that wait",
    jobs: "Jobs that stand, and runs that they set aside",
    coupons: "Coupon pools with few codes left",
    behind: "Work that is behind",
    keys: "Keys of the API that expire within 14 days, or have expired",
    providers: "Messages that a provider has not taken in the last 15 minutes",
    spool: "The disk of hits on links is nearly full",
    faults: "Faults of the last hour",
  } satisfies Record<Kind, string>,
  within: "How far back",
  subject: "What",
  since: "Since",
  count: "How many",
  left: "Left",
  reason: "Reason",
  example: "Example",
  fix: "What helps",
  atLeast: (count: string) => `${count} or more`,
  retry: "Retry…",
  sendAgain: "Send again…",
  resume: "Resume…",
  unfreeze: "Unfreeze…",
  open: {
    runs: "Open the runs",
    job: "Open the job",
    log: "Open what was rejected",
    dead: "Open what was given up",
    faults: "Open the faults",
    health: "Open the health",
    keys: "Open the keys",
    coupons: "Open the coupons",
  },
  windows: { "": "24 hours", "1h": "1 hour", "3d": "3 days", "7d": "7 days" },
} as const;

export const pausing = {
  overdue: "Sends that were due meanwhile",
  overdues: {
    send: "go out now",
    skip: "are skipped",
    spread: "are spread over",
  },
  spread: "Over",
  resumeTitle: (journey: string) => `Resume ${journey}`,
  resumeWords: (journey: string, held: number) =>
    `${journey} takes entries again. ${counted(held, "send")} waits for it.`.replace(
      /(\d+ sends) waits/,
      "$1 wait",
    ),
  resume: "Resume the journey",
  freezeTitle: "Freeze",
  freezeWords: {
    marketing: (channel: string) =>
      `No marketing goes out by ${channel} until an administrator unfreezes it. What is due waits. Messages of other kinds go out.`,
    everything: (channel: string) =>
      `Nothing goes out by ${channel}, neither marketing nor any other message, until an administrator unfreezes it. What is due waits.`,
  },
  freeze: "Freeze",
  channel: "Channel",
  everyChannel: "all channels",
  stops: "What is held",
  stopsOptions: { marketing: "marketing", everything: "everything" },
  unfreezeTitle: (channel: string) => `Unfreeze ${channel}`,
  unfreezeWords: "What was held goes out within its rate, each message after its own checks.",
  unfreeze: "Unfreeze",
  pauseAll: "Pause all journeys",
  pauseAllWords: (count: number) =>
    `${counted(count, "active journey")} pause: none takes entries or sends until it is resumed. Journeys that are paused already stay so.`,
  pauseAllConfirm: "Pause all",
  resumeAll: "Resume what was paused with all",
  resumeAllWords:
    "The journeys that were paused with all go on. Those that were paused alone stay paused.",
  resumeAllConfirm: "Resume them",
} as const;
