/** Which steps runs in flight have to be moved from, and where they can go. */

import { type OutlineItem, outlinesOf, type StepList } from "@/builder/document/outline";
import { openText, type Path } from "@/builder/document/reading";

/** A step of the new version that runs can move to. */
export interface TargetStep {
  readonly id: string;
  readonly kind: string | null;
  readonly path: Path;
  /** How many ways it stands inside. */
  readonly level: number;
  /** The way that it is the first step of, or null. */
  readonly way: string | null;
  /** Whether the version before did not have it. */
  readonly isNew: boolean;
}

/** A step at which runs stand and which the new version does not have, or has as another kind. */
export interface LeftStep {
  readonly step: string;
  readonly runs: number;
  readonly versions: readonly number[];
  readonly why: "step_gone" | "step_changed";
}

/** Runs that stand at a step, as the plan counts them. */
interface Standing {
  readonly version: number;
  readonly step: string | null;
  readonly runs: number;
}

/** Runs that would keep their version, as the plan says. */
interface Staying extends Standing {
  readonly reason: string;
}

type Walked = Omit<TargetStep, "isNew">;

function walked(list: StepList | null, level: number, way: string | null): Walked[] {
  return (list?.items ?? []).flatMap((item: OutlineItem, index): Walked[] => {
    if (item.type === "disabled") {
      return [];
    }
    const own: Walked[] =
      item.id === null
        ? []
        : [
            {
              id: item.id,
              kind: item.kind?.kind ?? null,
              path: item.path,
              level,
              way: index === 0 ? way : null,
            },
          ];
    return [...own, ...item.ways.flatMap((each) => walked(each.steps, level + 1, each.name))];
  });
}

/** The steps of the main line of a journey's text, those inside of branches among them. */
function mainLine(text: string, journey: string): readonly Walked[] {
  const outline = outlinesOf(openText(text)).find((each) => each.key === journey);
  return outline === undefined ? [] : walked(outline.steps, 0, null);
}

/** The steps that runs can move to, in the order in which they are read. */
export function targetsOf(text: string, before: string, journey: string): readonly TargetStep[] {
  const known = new Set(mainLine(before, journey).map((each) => each.id));
  return mainLine(text, journey).map((each) => ({ ...each, isNew: !known.has(each.id) }));
}

/** The steps whose runs cannot go on by themselves in the new version, most runs first. */
export function leftSteps(
  standing: readonly Standing[],
  staying: readonly Staying[],
  version: number,
  targets: readonly TargetStep[],
): readonly LeftStep[] {
  const there = new Set(targets.map((each) => each.id));
  const changed = new Set(
    staying.flatMap((each) => (each.reason === "step_changed" ? (each.step ?? []) : [])),
  );
  const found = new Map<string, { runs: number; versions: number[] }>();
  for (const each of standing) {
    const { step } = each;
    if (step === null || each.version === version || (there.has(step) && !changed.has(step))) {
      continue;
    }
    const before = found.get(step) ?? { runs: 0, versions: [] };
    found.set(step, {
      runs: before.runs + each.runs,
      versions: [...before.versions, each.version],
    });
  }
  return [...found]
    .map(
      ([step, { runs, versions }]): LeftStep => ({
        step,
        runs,
        versions: versions.sort((one, other) => one - other),
        why: there.has(step) ? "step_changed" : "step_gone",
      }),
    )
    .sort((one, other) => other.runs - one.runs || one.step.localeCompare(other.step));
}

/** Steps that seem to be those of another name: new ones of the same kind at the same place. */
export function suggestions(
  left: readonly LeftStep[],
  targets: readonly TargetStep[],
  before: string,
  journey: string,
): Readonly<Record<string, string>> {
  const old = new Map(mainLine(before, journey).map((each) => [each.id, each]));
  const placeOf = (path: Path) => JSON.stringify(path);
  const found: Record<string, string> = {};
  for (const { step } of left) {
    const was = old.get(step);
    const now = targets.find(
      (each) =>
        was !== undefined &&
        each.isNew &&
        each.kind === was.kind &&
        placeOf(each.path) === placeOf(was.path),
    );
    if (now !== undefined) {
      found[step] = now.id;
    }
  }
  return found;
}

/** A map without the steps that runs do not stand at, or cannot move to any more. */
export function usable(
  map: Readonly<Record<string, string>>,
  left: readonly LeftStep[],
  targets: readonly TargetStep[],
): Readonly<Record<string, string>> {
  const from = new Set(left.map((each) => each.step));
  const to = new Set(targets.map((each) => each.id));
  return Object.fromEntries(
    Object.entries(map).filter(([old, next]) => from.has(old) && to.has(next)),
  );
}
