/** Reader of a file: its documents, each as a tree of YAML nodes with their places in the text. */

import {
  type Alias,
  type Document,
  isMap,
  isScalar,
  type Node,
  parseAllDocuments,
  YAMLParseError,
} from "yaml";
import { aliasesOf } from "@/builder/document/aliases";
import { splitDocuments } from "@/builder/document/lines";

/** Keys and indexes from the root of a document, as the server's problems name them. */
export type Path = readonly (string | number)[];

/** Two offsets in a text; `to` is exclusive. */
export interface Range {
  readonly from: number;
  readonly to: number;
}

/** A mistake of syntax, which keeps a document from being read. */
export interface SyntaxProblem extends Range {
  readonly message: string;
}

/** One document of a file. Offsets in its tree count from `from`. */
export interface SourceDocument {
  readonly text: string;
  readonly from: number;
  /** The first key, which names the kind, or null. */
  readonly kind: string | null;
  /** The value of the first key, or null. */
  readonly key: string | null;
  readonly tree: Document.Parsed;
  /** What each alias stands for. */
  readonly aliases: ReadonlyMap<Alias, Node>;
  readonly problems: readonly SyntaxProblem[];
}

/** A file, read: its text and its documents, without the empty ones. */
export interface JourneyText {
  readonly text: string;
  readonly documents: readonly SourceDocument[];
}

type Reading = Omit<SourceDocument, "from">;

const KEPT_READINGS = 64;
/** Characters of all texts whose readings are kept: a reading is many times as large as its text. */
const KEPT_TEXT = 600_000;
const readings = new Map<string, readonly Reading[]>();
/** Characters from which on a document is read in slices where that can be waited for. */
const LONG = 20_000;
/** Only the syntax of YAML is used, not its types. */
export const SYNTAX = {
  schema: "failsafe",
  keepSourceTokens: true,
  prettyErrors: false,
  stringKeys: false,
} as const;

class Unread extends Error {
  constructor(readonly text: string) {
    super("a long text was not read yet");
  }
}

let lookingAhead = false;

/** Whether a text is so long that reading it holds up the page. */
export function isLong(text: string): boolean {
  return text.length > LONG;
}

/** The first long document that some work has to read; null if all that it reads is known. */
export function firstUnread(work: () => unknown): string | null {
  lookingAhead = true;
  try {
    work();
    return null;
  } catch (error) {
    if (error instanceof Unread) return error.text;
    throw error;
  } finally {
    lookingAhead = false;
  }
}

/** Keeps what a document was read as, elsewhere. */
export function keepReading(text: string, trees: readonly Document.Parsed[]): void {
  keep(text, readingsOf(text, trees));
}

/** Reads a file. Documents whose text did not change since the last reading are not read again. */
export function openText(text: string): JourneyText {
  const documents: SourceDocument[] = [];
  for (const { from, to } of splitDocuments(text)) {
    for (const reading of read(text.slice(from, to))) documents.push({ ...reading, from });
  }
  return { text, documents };
}

/** The place of the document called `key` of this kind in the file, or -1. */
export function findDocument(file: JourneyText, kind: string, key: string): number {
  return file.documents.findIndex((document) => document.kind === kind && document.key === key);
}

function read(text: string): readonly Reading[] {
  const known = readings.get(text);
  if (known !== undefined) {
    readings.delete(text);
    readings.set(text, known);
    return known;
  }
  if (lookingAhead && isLong(text)) throw new Unread(text);
  return keep(text, parse(text));
}

function keep(text: string, made: readonly Reading[]): readonly Reading[] {
  readings.set(text, made);
  let kept = 0;
  for (const each of readings.keys()) kept += each.length;
  for (const oldest of readings.keys()) {
    if (readings.size <= KEPT_READINGS && (kept <= KEPT_TEXT || readings.size <= 2)) break;
    readings.delete(oldest);
    kept -= oldest.length;
  }
  return made;
}

/** Reads one document alone, as `yaml` gives it. */
export function parseYaml(text: string): Document.Parsed[] {
  const parsed = parseAllDocuments(text, SYNTAX);
  return Array.isArray(parsed) ? (parsed as Document.Parsed[]) : [];
}

/** The trees of a text; one with an error for a text that is too deep to be read at all. */
function treesOf(text: string): Document.Parsed[] {
  try {
    return parseYaml(text);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    const [tree] = parseYaml("null");
    if (tree === undefined) throw error;
    const message = "too many lists and mappings inside each other";
    tree.errors.push(new YAMLParseError([0, text.length], "BAD_COLLECTION_TYPE", message));
    return [tree];
  }
}

function parse(text: string): readonly Reading[] {
  // A chunk of comments, blank lines and directives is no document.
  if (!/^(?![ \t]*(?:#|$)|%)/m.test(text.replaceAll("\r", "").replace(/^\ufeff/, ""))) return [];
  return readingsOf(text, treesOf(text));
}

function readingsOf(text: string, trees: readonly Document.Parsed[]): readonly Reading[] {
  return trees
    .filter((tree) => tree.contents !== null || tree.errors.length > 0)
    .map((tree) => {
      const contents = tree.contents as Node | null;
      const first = isMap(contents) ? contents.items[0] : undefined;
      const aliases = aliasesOf(text, contents);
      const problems = tree.errors.map(({ pos, message }) => ({
        from: pos[0],
        to: pos[1],
        message,
      }));
      if (aliases === null) {
        const message = "aliases (`*…`) make this document too large, or part of itself";
        problems.push({ from: 0, to: text.length, message });
      }
      return {
        text,
        kind: first !== undefined && isScalar(first.key) ? String(first.key.value) : null,
        key: first !== undefined && isScalar(first.value) ? String(first.value.value) : null,
        tree,
        aliases: aliases ?? new Map(),
        problems,
      };
    });
}
