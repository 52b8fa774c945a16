/** The language, as the published JSON Schema describes it: one definition, read at build. */

import published from "../../../../docs/journey.schema.json";

/** The part of JSON Schema that the published file uses. */
export interface Schema {
  readonly $ref?: string;
  readonly anyOf?: readonly Schema[];
  readonly type?: string;
  readonly description?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: Schema | boolean;
  readonly required?: readonly string[];
  readonly items?: Schema;
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly default?: unknown;
  readonly pattern?: string;
  readonly maxLength?: number;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: number;
  readonly minItems?: number;
}

/** One form that a value may take, with the name of its definition if it has one. */
export interface Form {
  readonly name: string | null;
  readonly schema: Schema;
}

const root = published as unknown as Schema & { readonly $defs: Readonly<Record<string, Schema>> };
const PREFIX = "#/$defs/";

/** The names of all definitions. */
export const definitionNames: readonly string[] = Object.keys(root.$defs);

/** The definition called `name`; an error in the build if there is none. */
export function definition(name: string): Schema {
  const found = root.$defs[name];
  if (found === undefined) throw new Error(`the schema has no definition ${name}`);
  return found;
}

const formsOf = new WeakMap<Schema, readonly Form[]>();

/** All forms of a schema: its alternatives, however deep they are named. */
export function forms(schema: Schema): readonly Form[] {
  const known = formsOf.get(schema);
  if (known !== undefined) return known;
  const found: Form[] = [];
  collect(schema, null, found);
  formsOf.set(schema, found);
  return found;
}

function collect(schema: Schema, name: string | null, found: Form[]): void {
  if (schema.$ref !== undefined) {
    const target = schema.$ref.slice(PREFIX.length);
    collect(definition(target), target, found);
  } else if (schema.anyOf !== undefined) {
    for (const form of schema.anyOf) collect(form, name, found);
  } else {
    found.push({ name, schema });
  }
}

/** The name of the definition that a schema refers to, alone or beside null; null without one. */
export function referredName(schema: Schema): string | null {
  if (schema.$ref !== undefined) return schema.$ref.slice(PREFIX.length);
  const [only, ...more] = (schema.anyOf ?? []).filter((part) => part.type !== "null");
  return only === undefined || more.length > 0 ? null : referredName(only);
}

/** How the keys of a mapping fit a form. */
export interface Fit {
  /** How many keys it has that the form has too. */
  readonly known: number;
  /** How many it lacks. */
  readonly missing: number;
  /** How many it has that the form does not have. */
  readonly unknown: number;
}

/** How a mapping with these keys fits a form; null for a form that is no mapping. */
export function fitOf(schema: Schema, keys: readonly string[]): Fit | null {
  const { properties, additionalProperties, required = [], type } = schema;
  if (type !== "object" && properties === undefined) return null;
  const open = typeof additionalProperties === "object" || additionalProperties === true;
  const known = keys.filter((key) => properties?.[key] !== undefined).length;
  const missing = required.filter((key) => !keys.includes(key)).length;
  return { known, missing, unknown: open ? 0 : keys.length - known };
}

/** The form of `schema` that a mapping with these keys has, or null if it takes no mapping. */
export function formOfMapping(schema: Schema, keys: readonly string[]): Form | null {
  let best: Form | null = null;
  let most = Number.NEGATIVE_INFINITY;
  for (const form of forms(schema)) {
    const fit = fitOf(form.schema, keys);
    if (fit === null) continue;
    // A form all of whose keys fit comes before the form with the most keys in common.
    const whole = fit.missing + fit.unknown === 0 ? 100 : 0;
    const score = fit.known - 2 * fit.missing - 2 * fit.unknown + whole;
    if (score > most) {
      most = score;
      best = form;
    }
  }
  return best;
}

/** The schema of the value under `key` of a mapping of this form. */
export function schemaOfKey(form: Form | null, key: string): Schema | null {
  if (form === null) return null;
  const named = form.schema.properties?.[key];
  if (named !== undefined) return named;
  const open = form.schema.additionalProperties;
  return typeof open === "object" ? open : null;
}

/** The schema of the items of a list. */
export function schemaOfItems(schema: Schema | null): Schema | null {
  if (schema === null) return null;
  for (const form of forms(schema)) if (form.schema.items !== undefined) return form.schema.items;
  return null;
}

/** Whether a schema is the list of steps that `then`, `else` and `steps` take. */
export function isStepList(schema: Schema): boolean {
  if (schema.items?.$ref === `${PREFIX}Step`) return true;
  return schema.anyOf?.some(isStepList) ?? false;
}

/** The keys of a form under which a list of steps stands. */
export function stepListKeys(form: Form): readonly string[] {
  return Object.entries(form.schema.properties ?? {})
    .filter(([, schema]) => isStepList(schema))
    .map(([key]) => key);
}

/** The forms of the documents: `Journey`, `Topic`… */
export const documentForms: readonly Form[] = forms(root);

/** The form of a document whose keys are these; the first key names its kind. */
export function documentForm(keys: readonly string[]): Form | null {
  const named = documentForms.filter(
    (form) => keys[0] !== undefined && keys[0] === form.schema.required?.[0],
  );
  return named[0] ?? formOfMapping(root, keys);
}

const KEY = new RegExp(definition("Journey").properties?.journey?.pattern ?? "", "u");

/** Whether a text can be the key of a document. */
export function isDocumentKey(text: string): boolean {
  return KEY.test(text);
}
