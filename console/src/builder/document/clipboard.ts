/** Steps on the clipboard: copied as YAML text, and read again from any text that holds steps. */

import { isMap, isSeq, type Node } from "yaml";
import { disabledIn } from "@/builder/document/comments";
import type { DisabledPlace, StepPlace } from "@/builder/document/edits";
import { kindOf } from "@/builder/document/language";
import { applyPatches } from "@/builder/document/patches";
import { type Piece, pieceOfDisabled, pieceOfItem } from "@/builder/document/pieces";
import { isInside, itemPlace, keysOf, samePath } from "@/builder/document/places";
import {
  type JourneyText,
  openText,
  type Path,
  type SourceDocument,
} from "@/builder/document/reading";
import { freeId, renamePatches, stepsIn } from "@/builder/document/references";
import { Refused } from "@/builder/document/refusals";
import { listShape, reach } from "@/builder/document/structure";
import { nodeValue, type Value } from "@/builder/document/values";
import { indented } from "@/builder/document/writing";

/** Whether a place is that of a disabled step. */
export function isDisabled(place: StepPlace): place is DisabledPlace {
  return !Array.isArray(place);
}

/** The list in which a step stands. */
export function listOf(place: StepPlace): Path {
  return isDisabled(place) ? place.list : itemPlace(place).list;
}

/** The places in the order of the text, each once, without those inside of others. */
export function ordered(document: SourceDocument, places: readonly StepPlace[]): StepPlace[] {
  const steps = places.filter((place): place is Path => !isDisabled(place));
  const outermost = places.filter((place, index) => {
    const path = isDisabled(place) ? place.list : place;
    const inner = steps.some(
      (step) => isInside(path, step) && (isDisabled(place) || !samePath(path, step)),
    );
    return !inner && places.findIndex((other) => samePlace(place, other)) === index;
  });
  return outermost.sort((one, other) => offsetOf(document, one) - offsetOf(document, other));
}

function samePlace(one: StepPlace, other: StepPlace): boolean {
  if (isDisabled(one) || isDisabled(other)) {
    return (
      isDisabled(one) &&
      isDisabled(other) &&
      one.disabled === other.disabled &&
      samePath(one.list, other.list)
    );
  }
  return samePath(one, other);
}

function offsetOf(document: SourceDocument, place: StepPlace): number {
  if (isDisabled(place)) return disabledIn(document, place.list)[place.disabled]?.from ?? 0;
  return reach(document, place)?.node?.range?.[0] ?? 0;
}

/** The text of steps, as a piece to put elsewhere. */
export function pieceAt(document: SourceDocument, place: StepPlace): Piece {
  if (isDisabled(place)) return pieceOfDisabled(document, place.list, place.disabled);
  const { list, index } = itemPlace(place);
  return pieceOfItem(document, list, index);
}

/** Steps as YAML text: a list, with their notes. */
export function copySteps(file: JourneyText, index: number, places: readonly StepPlace[]): string {
  const document = file.documents[index];
  if (document === undefined) return "";
  const lines = ordered(document, places).flatMap((place) => pieceAt(document, place).lines(0));
  return lines.length === 0 ? "" : `${lines.join("\n")}\n`;
}

/** Steps that were read from a text. */
export interface PastedSteps {
  readonly pieces: readonly Piece[];
  /** The steps that are not disabled. */
  readonly values: readonly Value[];
  /** Ids that were taken, and those that the steps have now. */
  readonly renamed: ReadonlyMap<string, string>;
}

/** Reads steps from a text, and renames those whose id is taken, with the references among them. */
export function readSteps(text: string, taken: ReadonlySet<string>): PastedSteps {
  const source = findSteps(text.replaceAll("\r\n", "\n"));
  const renamed = new Map<string, string>();
  const used = new Set(taken);
  const repeated = new Set<string>();
  const seen = new Set<string>();
  for (const { id } of stepsIn(source.document)) {
    if (seen.has(id)) repeated.add(id);
    seen.add(id);
  }
  for (const id of seen) {
    const free = freeId(id, used);
    if (free !== id) renamed.set(id, free);
    used.add(free);
  }
  if (repeated.size > 0) {
    throw new Refused({ reason: "taken", name: [...repeated][0] ?? "" });
  }
  if (renamed.size === 0) return piecesOf(source.document, source.list, renamed);
  const patches = renamePatches(source.document, renamed, true);
  const again = findSteps(applyPatches(source.document.text, patches));
  return piecesOf(again.document, again.list, renamed);
}

function piecesOf(
  document: SourceDocument,
  list: Path,
  renamed: ReadonlyMap<string, string>,
): PastedSteps {
  const node = reach(document, list)?.node ?? null;
  if (!isSeq(node)) return { pieces: [], values: [], renamed };
  const { items } = listShape(document.text, node);
  const disabled = disabledIn(document, list).map((_, place) => ({ list, disabled: place }));
  const places = ordered(document, [
    ...items.map((_, index): Path => [...list, index]),
    ...disabled,
  ]);
  return {
    pieces: places.map((place) => pieceAt(document, place)),
    values: items.map((item) => nodeValue(document, item.node)),
    renamed,
  };
}

/** The first list of steps of a text: the text itself, that of a journey, or a single step. */
function findSteps(text: string): { document: SourceDocument; list: Path } {
  const file = openText(text.endsWith("\n") ? text : `${text}\n`);
  for (const document of file.documents) {
    const [problem] = document.problems;
    if (problem !== undefined) throw new Refused({ reason: "no-steps", message: problem.message });
    const root = document.tree.contents as Node | null;
    for (const list of [[], ["steps"]]) {
      const node = reach(document, list)?.node ?? null;
      if (isSeq(node) && node.items.length > 0 && areSteps(document, node))
        return { document, list };
    }
    if (isMap(root) && kindOf(keysOf(document, root)) !== null) {
      const lines = document.text.trim().split("\n");
      const [first = "", ...rest] = lines;
      return findSteps([`- ${first}`, ...indented(rest, 2)].join("\n"));
    }
  }
  throw new Refused({ reason: "no-steps", message: "" });
}

function areSteps(document: SourceDocument, list: Node): boolean {
  if (!isSeq(list)) return false;
  return listShape(document.text, list).items.every((item) => {
    const keys = keysOf(document, item.node);
    return keys.includes("id") || kindOf(keys) !== null;
  });
}
