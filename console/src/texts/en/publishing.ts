import { counted } from "../plural";

const whole = new Intl.NumberFormat("en");

export const publishing = {
  publish: "Publish…",
  title: (journey: string) => `Publish ${journey}`,
  confirm: "Publish",
  nothing: "The text says what is live already: there is nothing to publish.",
  cannot: (count: number) => `${counted(count, "thing")} to mend first:`,
  cannotHint: "Each stands on its card too, and in the settings of the step.",
  becomes: (version: number) =>
    `It becomes version ${version}: who enters from now on goes through it.`,
  changes: "What changes",
  created: "It is new.",
  inFlight: "Those who are inside now",
  none: "No one is inside.",
  under: (count: number) => `${counted(count, "contact")} inside`,
  policy: "Those who are inside another version",
  pin: "finish the version they are in",
  follow: "go on in this one, at the same step",
  map: "go on where I choose",
  moves: (runs: number, step: string, to: string) =>
    step === to
      ? `${whole.format(runs)} at ${step}: go on there, in this version`
      : `${whole.format(runs)} at ${step}: go on at ${to}, in this version`,
  stays: (runs: number, step: string, why: string) => `${whole.format(runs)} at ${step}: ${why}`,
  beginning: "the beginning",
  staying: {
    pinned: "finish the version they are in",
    step_gone: "stay, because the step is gone",
    step_changed: "stay, because the step became another kind",
    leaving: "are leaving",
  },
  sentAtOnce: (count: number) =>
    count === 0
      ? "No one is sent a message at once."
      : `${counted(count, "contact")} may be sent a message at once:`,
  andMore: (count: number) => `and ${counted(count, "other")}`,
  endsAtOnce: (count: number) => `${counted(count, "wait")} would end at once.`,
  leavesAtOnce: (count: number) => `${counted(count, "run")} would leave by an exit at once.`,
  atWork: (count: number) =>
    `${counted(count, "run")} ${count === 1 ? "is" : "are"} at work now, and decided about at the next wait.`,
  failed: (count: number) =>
    `${counted(count, "run")} could not be looked at: they would be set aside.`,
  unlisted: (count: number) => `${counted(count, "run")} of other groups`,
  overdue: "Waits that are over by this version",
  counting: "So many runs are under way that a job counts what becomes of them:",
  moving: "It is live. Runs move to it now:",
  entering: "It is live. Contacts enter it now:",
  close: "Close",
  mapping: {
    title: "Where runs go",
    hint: "Drag a step to the one at which its runs are to go on, or choose it below.",
    from: "Steps that are gone",
    to: "Steps of the new version",
    nothing: "All runs stand at steps that the new version has: they move without a map.",
    runs: (count: number) => `${counted(count, "run")} here`,
    why: {
      step_gone: "The new version does not have it.",
      step_changed: "It is of another kind now.",
    },
    goesTo: (step: string) => `Where the runs at ${step} go`,
    unmapped: "nowhere: they keep their version",
    isNew: "new",
    arrives: (step: string, runs: number) => `← ${step}, ${counted(runs, "run")}`,
    takeBack: (step: string) => `Take ${step} back`,
    suggest: (pairs: string) => `Take over: ${pairs}`,
    left: (step: string, runs: number) =>
      `${counted(runs, "run")} at ${step}: not mapped, so they keep their version`,
  },
  enters: (count: number, of: string) => `${counted(count, "contact")} of ${of} enter at once.`,
  lacking: (attribute: string, count: number, of: number) =>
    `${attribute} is printed without a default, and ${count} of ${counted(of, "contact")} lack it.`,
  warnings: "To think about",
  kept: "All is kept as a draft.",
  keeping: "Keeping…",
  changed: "Changed",
  unreachable:
    "The server cannot be reached. Go on: what you change is kept in this browser, and saved as soon as the server answers.",
  refused: (why: string) =>
    `The server does not take the draft: ${why}. What you change is kept in this browser.`,
  conflict: (who: string) => `${who} has changed this draft since.`,
  changedMeanwhile: "It was changed elsewhere, while your last change was in this browser alone.",
  conflictHint: "You see your own text. Nothing is lost: undo brings back what you do not choose.",
  stale: (version: number, base: number | null) =>
    `Version ${version} was saved meanwhile; this draft was begun ${base === null ? "before there was one" : `from version ${base}`}.`,
  staleHint: (version: number) =>
    `As it is, the draft would take back what version ${version} has changed.`,
  takeVersion: (version: number) => `Go on from version ${version}`,
  keepOver: (version: number) => `Keep mine, over version ${version}`,
  taken: (version: number) => `Version ${version} was saved meanwhile: you see it.`,
  takeTheirs: "Take their text",
  keepMine: "Keep mine, over theirs",
  theirs: "Their text",
  discard: "Discard the draft",
  discardWords: "The draft is removed; what is live stays as it is.",
  readOnly: "Your key may not change journeys.",
  figures: "Live figures",
  pause: "Pause",
  pauseWords: "No one enters, and sends wait until it is resumed.",
  resume: "Resume",
  resumeWords: "Entries and sends go on.",
  archive: "Archive",
  archiveWords: "No one enters any more, for good. Runs that are under way go on to their end.",
  editors: (names: string) => `Also here: ${names}`,
} as const;
