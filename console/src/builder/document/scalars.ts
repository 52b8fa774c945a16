/** Text of single values: plain where that is safe, in quotes otherwise. */

import { isScalar, type Node } from "yaml";
import { plainValue } from "@/builder/document/values";

/** How a scalar is written. */
export type Quoting = "plain" | "double" | "single";

/** Words that the server asks to quote, because YAML once took them for truth values. */
const AMBIGUOUS = /^(?:yes|Yes|YES|no|No|on|On|off|Off|OFF|True|TRUE|False|FALSE|y|n|Y|N)$/;
/** Text that is what it says in every place: without quotes, brackets, comments and templates. */
const PLAIN = /^(?:[\p{L}\p{N}_+./(]|-(?=[\p{L}\p{N}]))[^\p{C}\p{Zl}\p{Zp}\t[\]{},"'`#]*$/u;
/** Characters that a file must not have as they are. */
const ESCAPED = /[\u007f-\u009f\u2028\u2029\ufeff\ufffe\uffff]/g;

/** The text of a value other than a list or a mapping, in one line. */
export function scalarText(
  value: string | number | boolean | null,
  quoting: Quoting = "plain",
): string {
  if (typeof value !== "string") return String(value);
  if (quoting === "plain" && isSafePlain(value)) return value;
  if (quoting === "single" && isSafeSingle(value)) return singleQuoted(value);
  // Text with double quotes in it is easier to read between single ones.
  if (/["\\]/.test(value) && !value.includes("'") && isSafeSingle(value)) {
    return singleQuoted(value);
  }
  return doubleQuoted(value);
}

/** Text between double quotes. */
export function doubleQuoted(value: string): string {
  return JSON.stringify(value).replace(
    ESCAPED,
    (letter) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

function singleQuoted(value: string): string {
  return `'${value.replaceAll("'", "''")}'`;
}

function isSafePlain(value: string): boolean {
  return (
    PLAIN.test(value) &&
    value === value.trim() &&
    plainValue(value) === value &&
    !AMBIGUOUS.test(value) &&
    !/:(?:\s|$)/.test(value) &&
    !/^[\d.:+-]*\d:\d/.test(value) &&
    !/^(?:---|\.\.\.)/.test(value)
  );
}

function isSafeSingle(value: string): boolean {
  return !/[\p{C}\p{Zl}\p{Zp}\t]/u.test(value);
}

/**
 * How the text that takes the place of a scalar is written.
 *
 * Quotes that kept a text from being read as another value (`""`, `"n"`, `"75"`) go with it: while
 * `news` is typed, it is `n` for a moment.
 */
export function quotingAfter(node: Node | null): Quoting {
  const text = isScalar(node) ? String(node.value ?? "") : "";
  const hadTo = text === "" || plainValue(text) !== text || AMBIGUOUS.test(text);
  return hadTo ? "plain" : quotingOf(node);
}

/** How the scalar of a node is written; a block scalar counts as double quoted. */
export function quotingOf(node: Node | null): Quoting {
  if (!isScalar(node)) return "plain";
  if (node.type === "QUOTE_SINGLE") return "single";
  return node.type === "PLAIN" || node.type === undefined ? "plain" : "double";
}

/**
 * The lines of a text of several lines after `|`: the sign, then the text without indentation.
 *
 * Null if the text cannot be written so.
 */
export function literalLines(value: string): readonly string[] | null {
  if (!value.includes("\n") || /[^\P{C}\n\t]|\u2028|\u2029/u.test(value)) return null;
  const body = value.replace(/\n+$/, "");
  if (body === "" || /^[\s]/.test(body) || /\n[ \t]+(?:\n|$)/.test(body)) return null;
  const ends = value.length - body.length;
  const sign = ends === 0 ? "|-" : ends === 1 ? "|" : "|+";
  return [sign, ...body.split("\n"), ...Array<string>(Math.max(ends - 1, 0)).fill("")];
}
