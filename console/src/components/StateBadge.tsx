import { texts } from "@/texts";

export type StateKind = "waiting" | "good" | "deferred" | "failed" | "unknown" | "plain";

const KINDS: Readonly<Record<string, StateKind>> = {
  active: "good",
  valid: "good",
  ready: "good",
  done: "good",
  sent: "good",
  ok: "good",
  delivered: "good",
  opened: "good",
  clicked: "good",
  goal: "good",
  running: "waiting",
  waiting: "waiting",
  queued: "waiting",
  filling: "waiting",
  draft: "waiting",
  deferred: "deferred",
  paused: "deferred",
  expiring: "deferred",
  retrying: "deferred",
  failed: "failed",
  expired: "failed",
  revoked: "failed",
  bounced: "failed",
  complained: "failed",
  rejected: "failed",
  unknown: "unknown",
};

/** A state in words, with the colour that the state has everywhere. */
export function StateBadge({ state }: { state: string }) {
  return (
    <span className="state" data-state={KINDS[state] ?? "plain"}>
      {texts.parts.states[state] ?? state}
    </span>
  );
}
