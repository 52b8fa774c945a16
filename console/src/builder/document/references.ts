/** References to steps: where a document names a step by its id, and an outcome by its name. */

import { isMap, isScalar, isSeq, type Node, type Scalar } from "yaml";
import {
  EVENT_PROPERTIES,
  namesAStep,
  OUTCOME_KEYS,
  stepReferenceKey,
} from "@/builder/document/language";
import { renameInTemplate } from "@/builder/document/liquid";
import type { TextPatch } from "@/builder/document/patches";
import type { Path, SourceDocument } from "@/builder/document/reading";
import { quotingOf, scalarText } from "@/builder/document/scalars";
import {
  definition,
  documentForm,
  type Form,
  formOfMapping,
  forms,
  type Schema,
  schemaOfItems,
  schemaOfKey,
} from "@/builder/document/schema";
import { entryOf, isBlockScalar, listShape, mapShape } from "@/builder/document/structure";

/** Old ids and the new ones. */
export type Renaming = ReadonlyMap<string, string>;

/** A step anywhere in a document. */
export interface FoundStep {
  readonly path: Path;
  readonly id: string;
  readonly node: Scalar;
}

interface Visitor {
  readonly mapping: (form: Form | null, node: Node, path: Path) => void;
  readonly scalar: (node: Scalar) => void;
}

const STEP: Schema = { anyOf: forms(definition("Step")).map((form) => form.schema) };
const STEP_LIST: Schema = { items: { $ref: "#/$defs/Step" }, type: "array" };

/** Visits all values of a document, each mapping with the form that the schema gives it. */
function visit(document: SourceDocument, visitor: Visitor): void {
  const root = document.tree.contents as Node | null;
  if (isSeq(root)) walk(document, root, STEP_LIST, [], visitor);
  else if (isMap(root)) {
    const keys = mapShape(document.text, root).entries.map(({ key }) => key);
    walkMapping(document, root, documentForm(keys), [], visitor);
  }
}

function walk(
  document: SourceDocument,
  node: Node | null,
  schema: Schema | null,
  path: Path,
  visitor: Visitor,
): void {
  if (isScalar(node)) visitor.scalar(node);
  else if (isSeq(node)) {
    const items = schemaOfItems(schema);
    listShape(document.text, node).items.forEach((item, index) => {
      walk(document, item.node, items, [...path, index], visitor);
    });
  } else if (isMap(node)) {
    const keys = mapShape(document.text, node).entries.map(({ key }) => key);
    const form = schema === null ? null : formOfMapping(schema, keys);
    walkMapping(document, node, form, path, visitor);
  }
}

function walkMapping(
  document: SourceDocument,
  node: Node,
  form: Form | null,
  path: Path,
  visitor: Visitor,
): void {
  if (!isMap(node)) return;
  visitor.mapping(form, node, path);
  for (const { key, node: inner } of mapShape(document.text, node).entries) {
    walk(document, inner, schemaOfKey(form, key), [...path, key], visitor);
  }
}

function scalarAt(document: SourceDocument, node: Node, key: string): Scalar | null {
  const found = entryOf(document.text, node, key)?.node ?? null;
  return isScalar(found) ? found : null;
}

const stepForms: ReadonlySet<Schema> = new Set(STEP.anyOf);

/** All steps of a document at every depth, in the order of the text. */
export function stepsIn(document: SourceDocument): readonly FoundStep[] {
  const found: FoundStep[] = [];
  visit(document, {
    mapping: (form, node, path) => {
      if (form === null || !stepForms.has(form.schema) || typeof path.at(-1) !== "number") return;
      const id = scalarAt(document, node, "id");
      if (id !== null) found.push({ path, id: String(id.value), node: id });
    },
    scalar: () => undefined,
  });
  return found;
}

/** The patches that rename steps: their ids and all references to them, in texts as well. */
export function renamePatches(
  document: SourceDocument,
  renaming: Renaming,
  steps: boolean,
): readonly TextPatch[] {
  const patches: TextPatch[] = [];
  const rename = (node: Scalar | null) => {
    const to = node === null ? undefined : renaming.get(String(node.value));
    if (node === null || to === undefined) return;
    patches.push(rewritten(node, to));
  };
  const ids = new Set(steps ? stepsIn(document).map(({ node }) => node) : []);
  for (const id of ids) rename(id);
  visit(document, {
    mapping: (form, node) => {
      const key = stepReferenceKey(form);
      if (key !== null) rename(scalarAt(document, node, key));
      const event = scalarAt(document, node, "event");
      if (event === null || !namesAStep(String(event.value))) return;
      for (const place of EVENT_PROPERTIES) {
        const properties = entryOf(document.text, node, place)?.node ?? null;
        if (properties === null) continue;
        rename(scalarAt(document, properties, "step"));
        const comparison = entryOf(document.text, properties, "step")?.node ?? null;
        if (isMap(comparison)) rename(scalarAt(document, comparison, "is"));
      }
    },
    scalar: (node) => {
      if (ids.has(node)) return;
      const patch = inTemplate(document, node, renaming);
      if (patch !== null) patches.push(patch);
    },
  });
  return patches;
}

/** An outcome is text, also where it is a number. */
function rewritten(node: Scalar, value: string): TextPatch {
  const [from, to] = node.range ?? [0, 0];
  return { from, to, insert: scalarText(value, quotingOf(node)) };
}

function inTemplate(document: SourceDocument, node: Scalar, renaming: Renaming): TextPatch | null {
  const value = String(node.value ?? "");
  if (!/\{[{%]/.test(value) || !value.includes("steps")) return null;
  const renamed = renameInTemplate(value, renaming);
  if (renamed === value) return null;
  const [from, to] = node.range ?? [0, 0];
  const raw = document.text.slice(from, to);
  const simple = [...renaming].flat().every((id) => /^[\w-]+$/.test(id));
  if (simple || isBlockScalar(node)) return { from, to, insert: renameInTemplate(raw, renaming) };
  return rewritten(node, renamed);
}

/** The patches that rename outcomes of a step in the conditions that ask for them. */
export function outcomePatches(
  document: SourceDocument,
  step: string,
  renaming: Renaming,
): readonly TextPatch[] {
  const patches: TextPatch[] = [];
  visit(document, {
    mapping: (form, node) => {
      if (form?.name !== "StepCondition") return;
      if (scalarAt(document, node, "step")?.value !== step) return;
      const property = scalarAt(document, node, "property");
      if (property !== null && property.value !== "outcome") return;
      for (const key of OUTCOME_KEYS) {
        const found = entryOf(document.text, node, key)?.node ?? null;
        const asked = isSeq(found)
          ? listShape(document.text, found).items.map((item) => item.node)
          : [found];
        for (const each of asked) {
          const to = isScalar(each) ? renaming.get(String(each.value)) : undefined;
          if (isScalar(each) && to !== undefined) patches.push(rewritten(each, to));
        }
      }
    },
    scalar: () => undefined,
  });
  return patches;
}

/** The templates that the sends of a journey name. */
export function templatesOf(document: SourceDocument): ReadonlySet<string> {
  const found = new Set<string>();
  visit(document, {
    mapping: (form, node) => {
      if (form?.schema.properties?.template === undefined) return;
      const template = scalarAt(document, node, "template");
      if (template !== null) found.add(String(template.value));
    },
    scalar: () => undefined,
  });
  return found;
}

/** An id like `id` that is not taken: with a number at its end. */
export function freeId(id: string, taken: ReadonlySet<string>): string {
  if (!taken.has(id)) return id;
  const stem = id.replace(/-\d+$/, "");
  let number = 2;
  while (taken.has(`${stem}-${number}`)) number++;
  return `${stem}-${number}`;
}
