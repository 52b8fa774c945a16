/** Plain values of nodes, as the server reads them: a number only if it prints as the same text. */

import { isMap, isPair, isScalar, isSeq, type Node, type Scalar } from "yaml";
import type { SourceDocument } from "@/builder/document/reading";
import { resolved } from "@/builder/document/structure";

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
    // `[a: b]` is a list with a mapping of one key, which stands for its value.
    return real.items.map((item) =>
      nodeValue(document, (isPair(item) ? item.value : item) as Node | null, depth + 1),
    );
  }
  if (isMap(real)) {
    // A key may be called `__proto__`, which an assignment would take for something else.
    return Object.fromEntries(
      real.items.map(({ key, value }) => [
        isScalar(key) ? String(key.value) : "",
        nodeValue(document, value as Node | null, depth + 1),
      ]),
    );
  }
  return null;
}

const roots = new WeakMap<object, Value>();

/** The value of a whole document. It is made once for each reading of its text. */
export function rootValue(document: SourceDocument): Value {
  const known = roots.get(document.tree);
  if (known !== undefined) return known;
  const value = nodeValue(document, document.tree.contents as Node | null);
  roots.set(document.tree, value);
  return value;
}

/** Whether a value is a mapping. */
export function isValueMap(value: Value | undefined): value is ValueMap {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
