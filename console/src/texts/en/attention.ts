import type { Model } from "@/api/models";
import { counted } from "../plural";

type Kind = Model<"AttentionBody">["kind"];

const channelNames: Readonly<Record<string, string>> = {
  all: "All channels",
  email: "E-mail",
  sms: "SMS",
  webhook: "Webhooks",
};

/** Who takes messages, as the engine names them. */
const providerNames: Readonly<Record<string, string>> = {
  smtp: "The mail server (smtp)",
  http: "Receivers of webhooks (http)",
  ses: "SES",
  sns: "SNS",
};

/** Why the engine or a provider says that something needs a person, in words. */
const reasons: Readonly<Record<string, string>> = {
  address_invalid: "the address cannot be written to",
  address_unknown: "there is no such address",
  address_refused: "the recipient was refused",
  address_forbidden: "the address of the webhook is not allowed",
  opted_out: "the recipient asked the provider to stop",
  sender_refused: "the sender may not send",
  message_invalid: "the message cannot be written for the channel",
  message_refused: "the provider does not accept the message",
  redirect_refused: "a redirect is not followed",
  answer_refused: "the receiver refused the call",
  template: "its text cannot be made of the contact's data",
  unreachable: "it cannot be reached",
  tls_failed: "the encrypted connection failed",
  credentials: "the credentials do not let it send",
  account: "the account or its quota does not let it send",
  throttled: "it asks for fewer messages",
  deferred: "it asks to try later",
  unavailable: "it cannot work now",
  busy: "all connections to it are in use",
  no_answer: "no answer came in time",
  interrupted: "the connection ended without an answer",
  provider_failed: "it reports a failure",
  adapter_failed: "our side of the provider failed",
  paused: "the journey is paused",
  over_and_not_ended: "its wait is over and has not ended",
  due_and_not_tried: "its send is due and was not tried",
  workflow_not_started: "its workflow was not started",
  move_not_taken: "its workflow has not followed a move",
  claim_not_settled: "a call of a provider has not come back",
  waits_for_approval: "it waits for the approval of another key",
  not_started: "it was not started",
  standing: "it makes no progress",
  exhausted: "no code is left",
  few_left: "few codes are left",
  expired: "it has expired",
  expires_soon: "it expires soon",
};

export const attention = {
  title: "Attention",
  reasons,
  channelNames,
  providerNames,
  sentences: {
    frozen: (channel: string, held: number) =>
      `${channelNames[channel] ?? channel}: marketing is frozen. ${held === 0 ? "Nothing waits yet." : `${counted(held, "send")} held.`}`,
    paused: (journey: string, held: number) =>
      `${journey} is paused. ${held === 0 ? "Nothing waits yet." : `${counted(held, "send")} held.`}`,
    providers: (provider: string, count: number) =>
      `${providerNames[provider] ?? provider} did not take ${counted(count, "message")} in the last 15 minutes.`,
    retrying: (where: string, count: number) => `${where}: ${counted(count, "send")} tried again.`,
    failed: (where: string, count: number) =>
      `${where}: ${counted(count, "message")} not sent, for good.`,
    other: (kind: string, subject: string) => `${kind}: ${subject}.`,
  },
  frozenBy: (who: string, reason: string) => `by ${who}: ${reason}`,
  itself: "the channel itself",
  says: (words: string) => `It says: ${words}`,
  allOf: (count: number) => `All ${counted(count, "thing")} that need a person`,
  willFail:
    "Sent again, they fail for the same reason unless the address or the text was mended before.",
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
    messages: "Open the messages",
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
  frozenBy: (who: string, reason: string) => `Frozen by ${who} (${reason}) since`,
  heldNow: (held: number) =>
    held === 0 ? "Nothing waits for it." : `${counted(held, "send")} held by it now.`,
  unfreezeTitle: (channel: string) => `Unfreeze ${channel}`,
  unfreezeWords: "What was held goes out within its rate, each message after its own checks.",
  unfreeze: "Unfreeze",
  pauseAll: "Pause all journeys",
  pauseAllWords: (count: number, names: string) =>
    count === 0
      ? "No journey is active."
      : `${counted(count, "active journey")} pause: ${names}. None takes entries or sends until it is resumed. Journeys that are paused already stay so.`,
  pauseAllConfirm: "Pause all",
  resumeAll: "Resume what was paused together",
  resumeAllWords: (together: string, alone: string) =>
    together === ""
      ? "No journey was paused together with all."
      : `${together} go on.${alone === "" ? "" : ` Paused alone, and stays so: ${alone}.`}`,
  resumeAllConfirm: "Resume them",
} as const;
