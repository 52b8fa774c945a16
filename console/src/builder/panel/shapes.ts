import {
  definition,
  definitionNames,
  type Form,
  fitOf,
  forms,
  referredName,
  type Schema,
} from "@/builder/document/schema";
import { isValueMap, type Value } from "@/builder/document/values";

/** A key of a mapping, and the shape of its value. */
export interface Field {
  key: string;
  required: boolean;
  /** What holds if the key is absent. */
  default?: unknown;
  shape: () => Shape;
}

/** The form that a value of a document may have. */
export type Shape = {
  /** The name of the definition that the language has for it, such as `Condition`. */
  readonly definition?: string;
} & (
  | { kind: "text" }
  | { kind: "number"; whole: boolean; least?: number; most?: number }
  | { kind: "truth" }
  | { kind: "choice"; options: readonly string[] }
  | { kind: "constant"; value: string }
  | { kind: "mapping"; name: string; words: string; fields: readonly Field[]; schema: Schema }
  | { kind: "named"; value: () => Shape }
  | { kind: "list"; least: number; item: () => Shape }
  | { kind: "variants"; variants: readonly Shape[] }
  | { kind: "free" }
);

/** The shape of a definition of the schema, by its name. Throws if there is none. */
export function shapeOf(name: string): Shape {
  return named(shapeOfForms(forms(definition(name)), name), name);
}

/** The shape of a part of the schema. */
export function shapeOfSchema(part: Schema): Shape {
  const name = referredName(part);
  return named(shapeOfForms(forms(part), name), name);
}

/** The names of all definitions. */
export function definitions(): readonly string[] {
  return definitionNames;
}

function named(shape: Shape, name: string | null): Shape {
  return name === null ? shape : { ...shape, definition: name };
}

/** One shape of several, without null, which an absent key stands for. */
function shapeOfForms(all: readonly Form[], name: string | null): Shape {
  const variants = all
    .filter(({ schema }) => schema.type !== "null")
    .map((form) => shapeOfForm(form.schema, form.name ?? name ?? ""));
  const [only] = variants;
  return variants.length === 1 && only !== undefined ? only : { kind: "variants", variants };
}

function shapeOfForm(part: Schema, name: string): Shape {
  if (part.const !== undefined) {
    return { kind: "constant", value: String(part.const) };
  }
  if (part.enum !== undefined) {
    return { kind: "choice", options: part.enum.map(String) };
  }
  switch (part.type) {
    case "string":
      return { kind: "text" };
    case "integer":
    case "number":
      return numberOf(part);
    case "boolean":
      return { kind: "truth" };
    case "array":
      return {
        kind: "list",
        least: part.minItems ?? 0,
        item: () => shapeOfSchema(part.items ?? {}),
      };
    case "object":
      return mappingOf(part, name);
    default:
      return { kind: "free" };
  }
}

function numberOf(part: Schema): Shape {
  const least = part.minimum ?? part.exclusiveMinimum;
  return {
    kind: "number",
    whole: part.type === "integer",
    ...(least === undefined ? {} : { least }),
    ...(part.maximum === undefined ? {} : { most: part.maximum }),
  };
}

function mappingOf(part: Schema, name: string): Shape {
  if (part.properties === undefined) {
    const rest = part.additionalProperties;
    return typeof rest === "object"
      ? { kind: "named", value: () => shapeOfSchema(rest) }
      : { kind: "free" };
  }
  const required = new Set(part.required ?? []);
  const fields = Object.entries(part.properties).map(([key, value]) => ({
    key,
    required: required.has(key),
    ...(value.default === undefined ? {} : { default: value.default }),
    shape: () => shapeOfSchema(value),
  }));
  return { kind: "mapping", name, words: part.description ?? "", fields, schema: part };
}

/** How well a value has a shape: 0 if it has not, and more the closer it is described. */
export function matchOf(shape: Shape, value: Value): number {
  switch (shape.kind) {
    case "text":
      return typeof value === "string" || typeof value === "number" ? 1 : 0;
    case "number":
      return typeof value === "number" ? 2 : 0;
    case "truth":
      return typeof value === "boolean" ? 2 : 0;
    case "constant":
      return String(value) === shape.value ? 3 : 0;
    case "choice":
      return typeof value === "string" && shape.options.includes(value) ? 3 : 0;
    case "list":
      return Array.isArray(value) ? 2 : 0;
    case "named":
      return isValueMap(value) ? 1 : 0;
    case "mapping":
      return isValueMap(value) ? matchOfMapping(shape.schema, Object.keys(value)) : 0;
    case "variants":
      return Math.max(0, ...shape.variants.map((variant) => matchOf(variant, value)));
    case "free":
      return 0.5;
  }
}

function matchOfMapping(schema: Schema, keys: readonly string[]): number {
  const fit = fitOf(schema, keys);
  if (fit === null || fit.missing > 0) {
    return 0;
  }
  // A mapping whose keys are all known is described better than one with keys left over.
  return fit.unknown === 0 ? 2 + fit.known : fit.known / (keys.length + 1);
}

/** The shape of several that a value has best; null if it has none of them. */
export function variantOf(shape: Shape, value: Value): Shape | null {
  const variants = shape.kind === "variants" ? shape.variants : [shape];
  let best: Shape | null = null;
  let most = 0;
  for (const variant of variants) {
    const found = matchOf(variant, value);
    if (found > most) {
      best = variant;
      most = found;
    }
  }
  return best;
}
