import type { Model } from "@/api/models";

type Visit = Model<"VisitBody">;

/** Where a run went on the graph of its journey. */
export interface RunPath {
  /** The keys of the cards that it came by. */
  readonly keys: ReadonlySet<string>;
  /** The key of the card at which it stands; null once it has ended. */
  readonly at: string | null;
  /** Its visits by the step, in their order. */
  readonly visits: ReadonlyMap<string, readonly Visit[]>;
}

/** The path of a run: its entry, each step that it was at, and the ways that it took. */
export function pathOf(run: Pick<Model<"RunDetail">, "state" | "step" | "visits">): RunPath {
  const keys = new Set(["entry"]);
  const visits = new Map<string, Visit[]>();
  for (const visit of run.visits) {
    keys.add(`step:${visit.step}`);
    if (visit.outcome !== null) {
      keys.add(`step:${visit.step}/way:${visit.outcome}`);
    }
    visits.set(visit.step, [...(visits.get(visit.step) ?? []), visit]);
  }
  const at = run.state === "active" && run.step !== null ? `step:${run.step}` : null;
  if (at !== null) {
    keys.add(at);
  }
  return { keys, at, visits };
}
