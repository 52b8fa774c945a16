/** The steps of the language, derived from the schema, and the few things that no schema says. */

import {
  definition,
  type Form,
  forms,
  type Schema,
  schemaOfItems,
  stepListKeys,
} from "@/builder/document/schema";

/** One kind of step: `email`, `wait`, `branch`… */
export interface StepKind {
  /** The key that makes a step one of this kind. */
  readonly kind: string;
  /** What the schema says of it. */
  readonly description: string;
  /** The keys of the step itself, in the order of the language. */
  readonly keys: readonly string[];
  /** What stands under the key of the kind. */
  readonly content: Schema;
  /** The forms of its ways, for a kind whose content is a list of ways; else none. */
  readonly ways: readonly WayForm[];
}

/** One form of a way through a step: a case, the `else`, an arm. */
export interface WayForm {
  /** The name of the definition: `Case`, `Otherwise`, `Arm`. */
  readonly name: string;
  readonly form: Form;
  /** The key under which its steps stand: `then` or `else`. */
  readonly steps: string;
  /** Whether its steps may be left out. */
  readonly optional: boolean;
}

function stepKind(form: Form): StepKind {
  const { properties = {}, required = [], description = "" } = form.schema;
  const kind = required.find((key) => key !== "id");
  const content = kind === undefined ? undefined : properties[kind];
  if (kind === undefined || content === undefined) {
    throw new Error(`the schema does not say what makes a step a ${form.name}`);
  }
  const items = schemaOfItems(content);
  const ways = items === null ? [] : forms(items).flatMap(wayForm);
  return { kind, description, keys: Object.keys(properties), content, ways };
}

function wayForm(form: Form): readonly WayForm[] {
  const [steps] = stepListKeys(form);
  if (steps === undefined || form.name === null) return [];
  const optional = !(form.schema.required ?? []).includes(steps);
  return [{ name: form.name, form, steps, optional }];
}

/** All kinds of steps, in the order of the language. */
export const stepKinds: readonly StepKind[] = forms(definition("Step")).map(stepKind);

const byKind = new Map(stepKinds.map((kind) => [kind.kind, kind]));

/** The kind called `name`, or null if the language has none of this name. */
export function kindCalled(name: string): StepKind | null {
  return byKind.get(name) ?? null;
}

/** The kind of a step that has these keys, or null if none of them names one. */
export function kindOf(keys: readonly string[]): StepKind | null {
  for (const key of keys) {
    const kind = byKind.get(key);
    if (kind !== undefined) return kind;
  }
  return null;
}

const idSchemas = forms(definition("Step")).map(({ schema }) => schema.properties?.id);

/** Whether a text can be the id of a step. */
export function isId(text: string): boolean {
  return idSchemas.every(
    (schema) =>
      new RegExp(schema?.pattern ?? "", "u").test(text) &&
      text.length <= (schema?.maxLength ?? Number.POSITIVE_INFINITY),
  );
}

// ---------------------------------------------------------------- what the schema does not say

/** Keys whose text is the id of a step, by the definition in which they stand. */
const STEP_REFERENCES: Readonly<Record<string, string>> = {
  GotoStep: "goto",
  MessageCondition: "message",
  MessageExit: "message",
  MessageGoal: "message",
  MessageTrigger: "message",
  NamedTrigger: "message",
  TriggerWait: "message",
  StepCondition: "step",
  StepMoment: "step",
  StepReference: "step",
};

/** The key of a mapping of this form that holds the id of a step, or null. */
export function stepReferenceKey(form: Form | null): string | null {
  return form?.name == null ? null : (STEP_REFERENCES[form.name] ?? null);
}

/** The keys of a condition on a step that may hold names of its outcomes. */
export const OUTCOME_KEYS: readonly string[] = ["is", "is_not", "in", "not_in"];

/** Where an event's properties stand: in `where` of a trigger, in `properties` of an emission. */
export const EVENT_PROPERTIES: readonly string[] = ["where", "properties"];

/** Whether the property `step` of this event is the id of a step. */
export function namesAStep(event: string): boolean {
  return event.startsWith("Message ");
}

/** Kinds after which a run goes no further in its line, unless their `if` does not hold. */
export const ENDING_KINDS: ReadonlySet<string> = new Set(["exit"]);

/** The form of a way that takes what no other way took; it is the last, and has no name. */
export const OTHERWISE = "Otherwise";

/** Keys of a way in the place of steps: after it, the run ends, or takes another arm. */
export const HOLDOUT = "holdout";
export const WINNER = "winner";

/** Names that no case and no arm may have. */
export const RESERVED_NAMES: ReadonlySet<string> = new Set(["else", "skipped", "timed_out"]);

/**
 * The keys of a form in the order in which documents write them.
 *
 * What is sent comes before the settings that it shares with `defaults`.
 */
export function keyOrder(form: Form | null): readonly string[] {
  const keys = Object.keys(form?.schema.properties ?? {});
  if (form?.name === "SendSettings") return keys;
  const settings = Object.keys(definition("SendSettings").properties ?? {});
  if (!settings.every((key) => keys.includes(key))) return keys;
  return [...keys.filter((key) => !settings.includes(key)), ...settings];
}

/** Keys under which ways and steps stand: `branch`, `split`, `then`, `else`. */
export const WAY_KEYS: ReadonlySet<string> = new Set(
  stepKinds
    .filter(({ ways }) => ways.length > 0)
    .flatMap(({ kind, ways }) => [kind, ...ways.map(({ steps }) => steps)]),
);
