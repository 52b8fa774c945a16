/** Edits of comments: notes of steps, and steps that are commented out. */

import { isDisabled, ordered } from "@/builder/document/clipboard";
import {
  commentOut,
  type DisabledPiece,
  disabledIn,
  listLines,
  readDisabled,
  uncomment,
} from "@/builder/document/comments";
import type { Draft } from "@/builder/document/draft";
import type { DisabledPlace, StepPlace } from "@/builder/document/edits";
import { lineAt, lineBreak, lineStart, linesBetween } from "@/builder/document/lines";
import { emptied } from "@/builder/document/lists";
import { withItems, withoutItems } from "@/builder/document/model";
import type { TextPatch } from "@/builder/document/patches";
import { entryAt, itemPlace, listAt } from "@/builder/document/places";
import type { Path, SourceDocument } from "@/builder/document/reading";
import { stepsIn } from "@/builder/document/references";
import { asTextOnly, missing, NeedsLines, Refused } from "@/builder/document/refusals";
import type { Outcome } from "@/builder/document/stepEdits";
import { listShape } from "@/builder/document/structure";
import { nodeValue, type Value } from "@/builder/document/values";
import type { Style } from "@/builder/document/writing";
import { shifted } from "@/builder/document/writing";

function linesOfList(document: SourceDocument, path: Path) {
  const list = listAt(document, path);
  const shape = listShape(document.text, list);
  if (shape.flow) throw new NeedsLines(path);
  return { shape, lines: listLines(document.text, list) };
}

// ------------------------------------------------------------------------------------- disabled

export function disableSteps(draft: Draft, steps: readonly Path[]): Outcome {
  const places = ordered(draft.document, steps).filter(
    (place): place is Path => !isDisabled(place),
  );
  // From the last one on, so that the paths of the others stay.
  for (const path of [...places].reverse()) disableOne(draft, path);
  return { selection: [] };
}

function disableOne(draft: Draft, path: Path): void {
  const { list, index } = itemPlace(path);
  const before = disabledIn(draft.document, list).length;
  const wanted = valueOfItem(draft, path);
  draft.step(
    (document) => commented(document, list, index),
    (value) => withoutItems(value, [path]),
  );
  const after = disabledIn(draft.document, list);
  const values = after.map(({ source }) => JSON.stringify(valueOfDisabled(source)));
  if (after.length !== before + 1 || !values.includes(JSON.stringify(wanted))) throw asTextOnly();
}

function valueOfItem(draft: Draft, path: Path): Value {
  const { list, index } = itemPlace(path);
  const item = listShape(draft.document.text, listAt(draft.document, list)).items[index];
  if (item === undefined) throw missing(path);
  return nodeValue(draft.document, item.node);
}

function valueOfDisabled(source: string): Value {
  const read = readDisabled(source);
  return read === null ? null : nodeValue(read.document, read.node);
}

function commented(document: SourceDocument, path: Path, index: number): readonly TextPatch[] {
  const { shape, lines } = linesOfList(document, path);
  const item = lines.items[index];
  if (item === undefined) throw missing([...path, index]);
  if (!item.alone) throw asTextOnly();
  const { text } = document;
  const patches: TextPatch[] = linesBetween(text, item.head, item.to).map((line) => ({
    from: line.from,
    to: line.from + line.content.length,
    insert: commentOut(line.content, shape.column),
  }));
  // A comment below that is indented further would read as a part of the step.
  if (item.to < text.length) {
    const below = lineAt(text, item.to);
    const opened = uncomment(below.content);
    const goesOn = opened.trim() === "" || /^[\s#]/.test(opened.slice(shape.column));
    if (below.kind === "comment" && goesOn) {
      patches.push({ from: item.to, to: item.to, insert: lineBreak(text) });
    }
  }
  return shape.items.length === 1 ? [emptied(document, path), ...patches] : patches;
}

export function enableStep(draft: Draft, place: DisabledPlace): Outcome {
  const piece = disabledIn(draft.document, place.list)[place.disabled];
  if (piece === undefined) throw missing([...place.list, place.disabled]);
  const read = readDisabled(piece.source);
  if (read === null) throw asTextOnly();
  const taken = new Set(stepsIn(draft.document).map(({ id }) => id));
  for (const { id } of stepsIn(read.document)) {
    if (taken.has(id)) throw new Refused({ reason: "taken", name: id });
  }
  draft.step(
    (document, style) => uncommented(document, place.list, piece, style),
    (value) => withItems(value, place.list, piece.index, [nodeValue(read.document, read.node)]),
  );
  return { selection: [[...place.list, piece.index]] };
}

function uncommented(
  document: SourceDocument,
  path: Path,
  piece: DisabledPiece,
  style: Style,
): readonly TextPatch[] {
  const { text } = document;
  const shape = listShape(text, listAt(document, path));
  const by = shape.flow ? 0 : shape.column - piece.column;
  const lines = linesBetween(text, piece.note?.to ?? piece.from, piece.to);
  const patches: TextPatch[] = lines.map((line) => ({
    from: line.from,
    to: line.from + line.content.length,
    insert: by === 0 ? uncomment(line.content) : shifted(uncomment(line.content), by),
  }));
  const entry = entryAt(document, path);
  if (!shape.flow || style.brackets || entry === null) return patches;
  return [{ from: entry.colon, to: entry.to, insert: "" }, ...patches];
}

// ----------------------------------------------------------------------------------------- notes

export function writeNote(draft: Draft, place: StepPlace, text: string): Outcome {
  const lines = text
    .split(/\r?\n/)
    .map((line) => line.trimEnd())
    .join("\n")
    .replace(/^\n+|\n+$/g, "");
  const note = lines === "" ? [] : lines.split("\n");
  draft.step(
    (document, { eol }) => {
      const { from, to, column } = noteAt(document, place);
      const body = note.map((line) => " ".repeat(column) + commentLine(line) + eol);
      // Below a disabled step, an indented line would read as a part of it.
      const apart = /^[\s#]/.test(lines) && isComment(document.text, from);
      return [{ from, to, insert: (apart ? eol : "") + body.join("") }];
    },
    (value) => value,
  );
  const written = noteAt(draft.document, place).text;
  if (written !== (note.length === 0 ? null : note.join("\n"))) throw asTextOnly();
  return { selection: isDisabled(place) ? [] : [place] };
}

function commentLine(line: string): string {
  return line === "" ? "#" : `# ${line}`;
}

/** Whether the line above is a comment. */
function isComment(text: string, from: number): boolean {
  return from > 0 && lineAt(text, lineStart(text, from - 1)).kind === "comment";
}

interface NotePlace {
  readonly from: number;
  readonly to: number;
  readonly column: number;
  readonly text: string | null;
}

function noteAt(document: SourceDocument, place: StepPlace): NotePlace {
  if (isDisabled(place)) {
    const piece = disabledIn(document, place.list)[place.disabled];
    if (piece === undefined) throw missing([...place.list, place.disabled]);
    const { note, column, from } = piece;
    return { from: note?.from ?? from, to: note?.to ?? from, column, text: note?.text ?? null };
  }
  const { list, index } = itemPlace(place);
  const { shape, lines } = linesOfList(document, list);
  const item = lines.items[index];
  if (item === undefined) throw missing(place);
  if (!item.alone) throw asTextOnly();
  const { note, head } = item;
  const { column } = shape;
  return { from: note?.from ?? head, to: note?.to ?? head, column, text: note?.text ?? null };
}
