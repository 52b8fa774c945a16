import { answerOf, api } from "@/api/client";
import type { Job } from "@/api/jobs";
import type { Model } from "@/api/models";
import { given } from "@/components/filters";

export type RepairOrder = Model<"BulkRepair">;
export type RepairAction = RepairOrder["action"];
export type Preview = Model<"RepairPreview">;

export const ACTIONS: readonly RepairAction[] = ["retry", "skip", "goto", "exit", "cancel"];
/** A repair that cannot be taken back. */
export const FINAL: readonly RepairAction[] = ["exit", "cancel"];
export const RATE = 50;

/** The filters of the list of runs, as they stand in the address. */
export const FILTERS = ["journey", "step", "state", "contact", "held", "code"] as const;
export type RunFilters = Record<(typeof FILTERS)[number], string>;

/** Which runs a repair is for. */
export type Chosen = Pick<RepairOrder, "runs" | "journey" | "contacts" | "step" | "held" | "code">;

/**
 * The runs that the filters mean, as a repair names them; null if it cannot name the same ones.
 *
 * A repair is for active runs, and for those of a journey or of a contact.
 */
export function allThatMatch(filters: RunFilters): Chosen | null {
  const { journey, contact, step, held, code, state } = filters;
  if (state === "ended" || state === "stuck" || (journey === "" && contact === "")) {
    return null;
  }
  const chosen = given({ journey, step, code });
  return {
    ...chosen,
    ...(contact === "" ? {} : { contacts: [contact] }),
    ...(held === "" ? {} : { held: held as NonNullable<RepairOrder["held"]> }),
  };
}

/** A repair, and why. */
export type Repair = Chosen &
  Pick<RepairOrder, "action" | "reason" | "rate" | "target" | "may_arrive_twice">;

/** What a repair would do now. Changes nothing. */
export async function previewRepair(repair: Repair): Promise<Preview> {
  const body = { ...repair, dry_run: true };
  return (await answerOf(api.POST("/v1/runs/bulk", { body }))) as Preview;
}

/** Begin the repair: its job, which may wait for an approval. */
export async function beginRepair(repair: Repair): Promise<Job> {
  const body = { ...repair, dry_run: false };
  return (await answerOf(api.POST("/v1/runs/bulk", { body }))) as Job;
}
