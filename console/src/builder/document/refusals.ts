/** How an edit stops: with a reason for the person, or because brackets have to go first. */

import type { Refusal } from "@/builder/document/edits";
import type { Path } from "@/builder/document/reading";

/** Thrown inside an edit that is not made; `applyEdit` gives the reason as its result. */
export class Refused extends Error {
  readonly refusal: Refusal;

  constructor(refusal: Refusal) {
    super(refusal.reason);
    this.refusal = refusal;
  }
}

/** Thrown by an edit that needs lines where the document has brackets around this path. */
export class NeedsLines extends Error {
  readonly path: Path;

  constructor(path: Path) {
    super("needs lines");
    this.path = path;
  }
}

export function missing(path: Path): Refused {
  return new Refused({ reason: "missing", path });
}

export function notForThis(path: Path): Refused {
  return new Refused({ reason: "not-for-this", path });
}

export function asTextOnly(): Refused {
  return new Refused({ reason: "as-text-only" });
}
