/** Plain values of nodes, as the server reads them: a number only if it prints as the same text. */

import { isMap, isScalar, isSeq, type Node, type Scalar } from "yaml";
import type { SourceDocument } from "@/builder/document/reading";
import { listShape, mapShape, resolved } from "@/builder/document/structure";

/** A value of a document: what JSON can hold. */
export type Value =
  | string
  | number
  | boolean
  | null
  | readonly Value[]
  | { readonly [key: string]: Value };

/** A mapping of a document. */
export type ValueMap = { readonly [key: string]: Value };

const NUMBER = /^-?\d{1,19}(?:\.\d+)?(?:[eE][+-]?\d+)?$/;

/** What a plain scalar with this text is. */
export function plainValue(text: string): string | number | boolean | null {
  if (text === "" || text === "~" || text === "null") return null;
  if (text === "true" || text === "false") return text === "true";
  if (!NUMBER.test(text)) return text;
  const number = Number(text);
  return String(number) === text || text === `${number}.0` ? number : text;
}

/** The value of a scalar. */
export function scalarValue(node: Scalar): string | number | boolean | null {
  const text = String(node.value ?? "");
  return node.type === "PLAIN" ? plainValue(text) : text;
}

/** The value of a node; aliases are followed. */
export function nodeValue(document: SourceDocument, node: Node | null, depth = 0): Value {
  const real = resolved(document, node);
  if (real === null || depth > 64) return null;
  if (isScalar(real)) return scalarValue(real);
  if (isSeq(real)) {
    return listShape(document.text, real).items.map((item) =>
      nodeValue(document, item.node, depth + 1),
    );
  }
  if (isMap(real)) {
    // A key may be called `__proto__`, which an assignment would take for something else.
    return Object.fromEntries(
      mapShape(document.text, real).entries.map(({ key, node: inner }) => [
        key,
        nodeValue(document, inner, depth + 1),
      ]),
    );
  }
  return null;
}

/** Whether a value is a mapping. */
export function isValueMap(value: Value | undefined): value is ValueMap {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
