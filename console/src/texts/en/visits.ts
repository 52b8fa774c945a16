import { counted } from "../plural";

export const visits = {
  none: "It has been at no step yet.",
  kinds: {
    email: "e-mail",
    sms: "SMS",
    webhook: "webhook",
    wait: "wait",
    branch: "branch",
    split: "split",
    update: "change of the contact",
    group: "change of a group",
    coupon: "coupon",
    emit: "event",
    enter: "entry to another journey",
    goto: "jump",
    exit: "end",
  } as Readonly<Record<string, string>>,
  took: (duration: string) => `took ${duration}`,
  until: "until",
  held: {
    paused: "The journey is paused.",
    retry: "The send is tried again.",
    send_at: "Its time of day is to come.",
    window: "Its window is closed.",
    quiet_hours: "These are quiet hours.",
    cap: "The contact has had enough messages.",
    frozen: "Marketing is frozen.",
    turn: "It was held with others, and its turn comes.",
    ceiling: "The channel has had its messages of the day.",
    apart: "The contact got another message a short time ago.",
  } as Readonly<Record<string, string>>,
  deferredBefore: "Deferred before:",
  message: {
    claimed: "Being sent",
    sent: "Sent",
    refused: "Refused",
    released: "Not taken by a provider",
    unknown: "The provider's answer is not known",
  },
  attempts: (count: number) => counted(count, "attempt"),
  by: (name: string) => `by ${name}`,
  repair: (action: string, to: string | null) => {
    const done: Readonly<Record<string, string>> = {
      retry: "Tried again",
      skip: "Skipped",
      goto: "Sent to",
      exit: "Ended",
      cancel: "Cancelled",
    };
    return to === null ? (done[action] ?? action) : `${done[action] ?? action} ${to}`;
  },
} as const;
