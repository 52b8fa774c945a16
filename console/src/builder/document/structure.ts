/** The pieces of mappings and lists: where each key, value and item begins and ends in the text. */

import {
  type CST,
  isAlias,
  isCollection,
  isMap,
  isPair,
  isScalar,
  isSeq,
  type Node,
  type Pair,
  type YAMLMap,
  type YAMLSeq,
} from "yaml";
import { lineEnd, lineStart, nextLine } from "@/builder/document/lines";
import type { Path, SourceDocument } from "@/builder/document/reading";

/** An item of a list. */
export interface Item {
  readonly node: Node | null;
  /** Where the item begins: at its dash, or at its first character in a list in brackets. */
  readonly from: number;
  /** Where its value begins, anchors included. */
  readonly value: number;
  /** Where its last character that counts ends. */
  readonly to: number;
}

/** A key with its value. */
export interface Entry {
  readonly key: string;
  readonly keyNode: Node | null;
  readonly node: Node | null;
  readonly from: number;
  /** After the colon. */
  readonly colon: number;
  /** Where the value begins, anchors included; after the colon if there is none. */
  readonly value: number;
  readonly to: number;
}

/** The items of a list, and how it is written. */
export interface ListShape {
  readonly flow: boolean;
  /** The column of the dashes, or of the bracket. */
  readonly column: number;
  readonly items: readonly Item[];
  /** After the opening bracket and at the closing one; for a block, its first and last character. */
  readonly inside: { readonly from: number; readonly to: number };
}

/** The keys of a mapping, and how it is written. */
export interface MapShape {
  readonly flow: boolean;
  readonly column: number;
  readonly entries: readonly Entry[];
  readonly inside: { readonly from: number; readonly to: number };
}

type Token = CST.SourceToken;
type CollectionItem = CST.CollectionItem;

const TRIVIA: ReadonlySet<string> = new Set(["space", "newline", "comment", "comma"]);

function firstOf(tokens: readonly Token[] | undefined): number | null {
  return tokens?.find((token) => !TRIVIA.has(token.type))?.offset ?? null;
}

function range(node: Node): readonly [number, number, number] {
  return node.range ?? [0, 0, 0];
}

function isEmpty(node: Node | null): boolean {
  if (node === null) return true;
  const [from, to] = range(node);
  return isScalar(node) && node.type === "PLAIN" && from === to && node.anchor === undefined;
}

/** Whether a node is a list or a mapping without brackets. */
export function isBlock(node: Node | null): boolean {
  return isCollection(node) && node.flow !== true;
}

/** Whether a scalar is written after `|` or `>`. */
export function isBlockScalar(node: Node | null): boolean {
  return isScalar(node) && (node.type === "BLOCK_LITERAL" || node.type === "BLOCK_FOLDED");
}

/** Where the last character of a node that counts ends; `otherwise` for a node without any. */
export function endOf(text: string, node: Node | null, otherwise: number): number {
  if (node === null || isEmpty(node)) return otherwise;
  const [from, to] = range(node);
  if (isBlockScalar(node)) return endOfBlockScalar(text, from, to);
  if (isBlock(node)) {
    if (isSeq(node)) return listShape(text, node).items.at(-1)?.to ?? to;
    if (isMap(node)) return mapShape(text, node).entries.at(-1)?.to ?? to;
  }
  return to;
}

function endOfBlockScalar(text: string, from: number, to: number): number {
  const header = text.slice(from, lineEnd(text, from));
  // With `+` the blank lines at its end are part of the text.
  const kept = /^[|>]\d?\+/.test(header);
  let end = to;
  if (kept) {
    if (text[end - 1] === "\n") end -= text[end - 2] === "\r" ? 2 : 1;
    return end;
  }
  // Lines without a letter go; spaces at the end of the last line are part of the text.
  const [blank = ""] = /(?:\r?\n[ \t]*)+$/.exec(text.slice(from, end)) ?? [];
  end -= blank.length;
  return end;
}

const listShapes = new WeakMap<YAMLSeq, ListShape>();
const mapShapes = new WeakMap<YAMLMap, MapShape>();

/** The pieces of a list. */
export function listShape(text: string, list: YAMLSeq): ListShape {
  const known = listShapes.get(list);
  if (known !== undefined) return known;
  const token = list.srcToken;
  const flow = list.flow === true;
  const [start, end] = range(list as Node);
  const raw: readonly CollectionItem[] =
    token !== undefined && "items" in token ? (token.items as readonly CollectionItem[]) : [];
  const sources = flow
    ? raw.filter((item) => firstOf(item.start) !== null || item.key != null || item.value != null)
    : raw.filter((item) => item.start.some(({ type }) => type === "seq-item-ind"));
  const items: Item[] = [];
  list.items.forEach((value, index) => {
    const source = sources[index];
    // `[a: b]` is a list with a mapping of one key, which has no place of its own.
    const node = (isPair(value) ? value.value : value) as Node | null;
    const dash = source?.start.find(({ type }) => type === "seq-item-ind");
    const after =
      dash === undefined
        ? (source?.start ?? [])
        : (source?.start.slice(source.start.indexOf(dash) + 1) ?? []);
    const first =
      firstOf(after) ??
      tokenStart(source?.key) ??
      tokenStart(source?.value) ??
      (dash === undefined ? (node?.range?.[0] ?? start) : dash.offset + 1);
    const from = dash?.offset ?? first;
    items.push({ node, from, value: first, to: endOf(text, node, from + (dash ? 1 : 0)) });
  });
  const inside = flow ? { from: start + 1, to: end - 1 } : { from: start, to: end };
  const made = {
    flow,
    // It is looked for when it is asked for: lines may be long.
    get column() {
      return start - lineStart(text, start);
    },
    items,
    inside,
  };
  listShapes.set(list, made);
  return made;
}

/** Where a token begins, with the anchor or tag of a first key before it. */
function tokenStart(token: CST.Token | null | undefined): number | null {
  if (token == null) return null;
  if (token.type === "block-map" || token.type === "block-seq") {
    const first = token.items[0];
    const inner = first === undefined ? null : firstOf(first.start);
    if (inner !== null) return Math.min(inner, token.offset);
  }
  return token.offset;
}

/** The pieces of a mapping. */
export function mapShape(text: string, map: YAMLMap): MapShape {
  const known = mapShapes.get(map);
  if (known !== undefined) return known;
  const flow = map.flow === true;
  const [start, end] = range(map as Node);
  const entries = map.items.map(
    (pair): Entry => entry(text, pair as Pair<Node | null, Node | null>),
  );
  const first = entries[0]?.from ?? start;
  const inside = flow ? { from: start + 1, to: end - 1 } : { from: first, to: end };
  const made = {
    flow,
    get column() {
      const begins = flow ? start : first;
      return begins - lineStart(text, begins);
    },
    entries,
    inside,
  };
  mapShapes.set(map, made);
  return made;
}

function entry(text: string, pair: Pair<Node | null, Node | null>): Entry {
  const source = pair.srcToken;
  const keyStart = firstOf(source?.start) ?? tokenStart(source?.key) ?? pair.key?.range?.[0] ?? 0;
  const separator = source?.sep?.find(({ type }) => type === "map-value-ind");
  const keyEnd = pair.key?.range?.[1] ?? keyStart;
  const colon = separator === undefined ? keyEnd : separator.offset + separator.source.length;
  const afterColon =
    separator === undefined ? [] : source?.sep?.slice(source.sep.indexOf(separator) + 1);
  const node = pair.value;
  const value =
    firstOf(afterColon) ?? (isEmpty(node) ? colon : (tokenStart(source?.value) ?? colon));
  const key = isScalar(pair.key) ? String(pair.key.value) : "";
  return {
    key,
    keyNode: pair.key,
    node,
    from: keyStart,
    colon,
    value,
    to: endOf(text, node, Math.max(colon, node?.range?.[0] === value ? (node.range[1] ?? 0) : 0)),
  };
}

/** The entry of a mapping under `key`. */
export function entryOf(text: string, node: Node | null, key: string): Entry | null {
  if (!isMap(node)) return null;
  return mapShape(text, node).entries.find((each) => each.key === key) ?? null;
}

/** The node itself, or what its alias stands for. */
export function resolved(document: SourceDocument, node: Node | null): Node | null {
  if (!isAlias(node)) return node;
  return document.aliases.get(node) ?? null;
}

/** A step of a way down the tree. */
export interface Reached {
  readonly node: Node | null;
  /** Whether an alias was followed on the way: the node is shared with another place. */
  readonly shared: boolean;
}

/** The node at a path, or null if there is none. Aliases are followed. */
export function reach(document: SourceDocument, path: Path): Reached | null {
  let node = (document.tree.contents ?? null) as Node | null;
  let shared = false;
  for (const part of path) {
    if (isAlias(node)) {
      shared = true;
      node = resolved(document, node);
    }
    if (isMap(node)) {
      const found = entryOf(document.text, node, String(part));
      if (found === null) return null;
      node = found.node;
    } else if (isSeq(node) && typeof part === "number") {
      const found = listShape(document.text, node).items[part];
      if (found === undefined) return null;
      node = found.node;
    } else {
      return null;
    }
  }
  return { node, shared };
}

/** Where the line after the last one of a piece begins. */
export function lineAfter(text: string, to: number): number {
  return to > 0 && text[to - 1] === "\n" ? to : nextLine(text, to);
}
