import type { Job, JobAction } from "@/api/jobs";
import { counted } from "../plural";

interface Asked {
  title: string;
  /** What will happen; `left` are still to be done, `done` were. */
  words: (left: number, done: number) => string;
}

const kinds: Readonly<Record<Job["kind"], string>> = {
  move: "Move runs to another version",
  resume: "Wake held sends",
  preview: "Preview a version",
  enter: "Enter contacts",
  backfill: "Backfill",
  dates: "Set dates",
  occurrence: "Enter at a time",
  segment: "Fill a segment",
  check: "Check segments",
  import: "Import",
  export: "Export",
  undo: "Undo an import",
  erase: "Erase a contact",
  repair: "Repair runs",
  retry: "Retry sends",
  attribution: "Attribute conversions",
};

const asks: Readonly<Record<JobAction, Asked>> = {
  approve: {
    title: "Approve the job",
    words: (left) => `It begins at once, with ${counted(left, "run")}.`,
  },
  pause: { title: "Pause the job", words: () => "It rests before its next page." },
  resume: { title: "Resume the job", words: () => "It goes on within half a minute." },
  cancel: {
    title: "Stop the job",
    words: (left, done) =>
      `It stops for good. What it has done (${done}) stays done; ${left} are left as they are.`,
  },
  undo: {
    title: "Undo what the job did",
    words: (_, done) =>
      `A job of its own takes back what can be taken back of ${done}. What has gone on since then stays as it is.`,
  },
};

export const jobs = {
  title: "Jobs",
  kinds,
  asks,
  actions: {
    approve: "Approve",
    pause: "Pause",
    resume: "Resume",
    cancel: "Stop",
    undo: "Undo",
  } satisfies Record<JobAction, string>,
  does: (job: Pick<Job, "kind" | "subject" | "journey" | "version">): string => {
    const about =
      job.subject || [job.journey, job.version].filter((part) => part !== null).join(" ");
    return about === "" ? kinds[job.kind] : `${kinds[job.kind]}: ${about}`;
  },
  doneOf: (done: string, total: string) => `${done} of ${total}`,
  failed: (count: number, kind: Job["kind"]) =>
    kind === "import" ? `${counted(count, "line")} refused` : `${counted(count, "run")} set aside`,
  begun: "began",
  over: "ended",
  waitsForAnother: "It waits for the approval of another key than yours, since it is about many.",
  waitsForYou: "It waits for an approval, since it is about many.",
  kind: "Kind",
  job: "Job",
  journey: "Journey",
  state: "State",
  progress: "Progress",
  started: "Began",
  ended: "Ended",
  empty: "No job yet. Moves, repairs, imports and exports of many are jobs:",
  emptyCommand: "parcours job list",
  result: "What it found",
  items: "Runs",
  run: "Run",
  code: "Reason",
  setAside: "Set aside by a fault",
  download: "Download the file",
  report: "Import",
  refusedLines: "Download the refused lines",
  lines: "Lines",
  example: "Example",
  count: "Count",
  preview: "What the version would do",
  moves: "Runs that would move",
  stays: "Runs that would keep their version",
  from: "From",
  to: "To",
  version: "Version",
  runs: "Runs",
  step: "Step",
  sentAtOnce: (count: number) => `${counted(count, "contact")} may be sent a message at once.`,
  noMoves: "No run would move.",
  approved: "Approved",
  sinceThen: "The message, or the step, now",
  /** The states of messages whose name says too little. */
  sinceStates: {
    claimed: "being sent",
    released: "retrying",
    refused: "failed",
    retry: "retrying",
    frozen: "frozen",
  } as Readonly<Record<string, string>>,
  itemStates: {
    waiting: "waiting",
    sending: "sending",
    done: "done",
    left: "left alone",
    failed: "failed",
  },
} as const;
