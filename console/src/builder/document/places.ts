/** Places of the tree that an edit is about: lists, items and mappings, with what stands around. */

import { isAlias, isMap, isSeq, type Node, type YAMLMap, type YAMLSeq } from "yaml";
import type { Path, SourceDocument } from "@/builder/document/reading";
import { missing, notForThis, Refused } from "@/builder/document/refusals";
import {
  documentForm,
  type Form,
  formOfMapping,
  schemaOfItems,
  schemaOfKey,
} from "@/builder/document/schema";
import { type Entry, entryOf, mapShape, reach } from "@/builder/document/structure";

/** The node at a path that an edit may change: nothing shared, nothing missing. */
export function editable(document: SourceDocument, path: Path): Node | null {
  const reached = reach(document, path);
  if (reached === null) throw missing(path);
  if (reached.shared) throw new Refused({ reason: "shared", path });
  return reached.node;
}

/** The list at a path. */
export function listAt(document: SourceDocument, path: Path): YAMLSeq {
  const node = editable(document, path);
  if (isSeq(node)) return node;
  throw isAlias(node) ? new Refused({ reason: "shared", path }) : notForThis(path);
}

/** The mapping at a path. */
export function mapAt(document: SourceDocument, path: Path): YAMLMap {
  const node = editable(document, path);
  if (isMap(node)) return node;
  throw isAlias(node) ? new Refused({ reason: "shared", path }) : notForThis(path);
}

/** The key and value at a path that ends with a key. */
export function entryAt(document: SourceDocument, path: Path): Entry | null {
  const key = path.at(-1);
  if (typeof key !== "string") return null;
  const around = reach(document, path.slice(0, -1));
  return around === null ? null : entryOf(document.text, around.node, key);
}

/** The path of the list of an item, and its place there. */
export function itemPlace(path: Path): { list: Path; index: number } {
  const index = path.at(-1);
  if (typeof index !== "number") throw notForThis(path);
  return { list: path.slice(0, -1), index };
}

/** Whether `path` is `around` or stands inside it. */
export function isInside(path: Path, around: Path): boolean {
  return around.every((part, index) => path[index] === part);
}

/** Whether two paths are the same. */
export function samePath(one: Path, other: Path): boolean {
  return one.length === other.length && isInside(one, other);
}

/** The form of the mapping at a path, as far as the schema knows what stands there. */
export function formAt(document: SourceDocument, path: Path): Form | null {
  let node = document.tree.contents as Node | null;
  let form = documentForm(keysOf(document, node));
  for (let at = 0; at < path.length; ) {
    const part = path[at];
    let schema = typeof part === "string" ? schemaOfKey(form, part) : null;
    node = reach(document, path.slice(0, at + 1))?.node ?? null;
    at++;
    while (schema !== null && typeof path[at] === "number") {
      schema = schemaOfItems(schema);
      node = reach(document, path.slice(0, at + 1))?.node ?? null;
      at++;
    }
    form = schema === null ? null : formOfMapping(schema, keysOf(document, node));
    if (form === null) return null;
  }
  return form;
}

/** The keys of a mapping. */
export function keysOf(document: SourceDocument, node: Node | null): readonly string[] {
  return isMap(node) ? mapShape(document.text, node).entries.map(({ key }) => key) : [];
}
