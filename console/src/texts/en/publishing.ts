import { counted } from "../plural";

export const publishing = {
  publish: "Publish…",
  title: (journey: string) => `Publish ${journey}`,
  confirm: "Publish",
  nothing: "The text says what is live already: there is nothing to publish.",
  becomes: (version: number) => `It becomes version ${version}; new runs follow it from now on.`,
  changes: "What changes",
  created: "It is new.",
  inFlight: "Runs that are under way",
  none: "No run is under way.",
  under: (count: number) => `${counted(count, "run")} under way`,
  pin: "keep their version",
  follow: "move to the new version, where their step is",
  moves: (runs: number, step: string, to: string) => `${counted(runs, "run")}: ${step} → ${to}`,
  stays: (runs: number, step: string, why: string) => `${counted(runs, "run")} at ${step}: ${why}`,
  beginning: "the beginning",
  staying: {
    pinned: "keep their version",
    step_gone: "stay, because the step is gone",
    step_changed: "stay, because the step became another kind",
    leaving: "are leaving",
  },
  sentAtOnce: (count: number) =>
    count === 0
      ? "No one is sent a message at once."
      : `${counted(count, "contact")} may be sent a message at once:`,
  enters: (count: number, of: string) => `${counted(count, "contact")} of ${of} enter at once.`,
  lacking: (attribute: string, count: number, of: number) =>
    `${attribute} is printed without a default, and ${count} of ${counted(of, "contact")} lack it.`,
  job: "So many runs are under way that a job counts them; see Jobs.",
  warnings: "To think about",
  saveVersion: "Save a version",
  saved: (version: number) => `Version ${version} is saved, and not live.`,
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
