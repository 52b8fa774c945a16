/** Which lines of a text an edit is about; all others have to come back byte for byte. */

import { isCollection, type Node } from "yaml";
import type { Edit, StepPlace, Target } from "@/builder/document/edits";
import { rangeOf } from "@/builder/document/locations";
import { outlineOf, type StepList } from "@/builder/document/outline";
import type { JourneyText, Path } from "@/builder/document/reading";
import { isValueMap, nodeValue } from "@/builder/document/values";

/** The lines of a text, with their line breaks. */
export function linesOf(text: string): string[] {
  return text.match(/[^\n]*\n|[^\n]+$/g) ?? [];
}

/** Whether `lines` stand in `text` in this order, each byte for byte. */
export function keeps(text: string, lines: readonly string[]): string | null {
  // Another line may have become the last one of a file that does not end with a line break.
  const bare = !text.endsWith("\n");
  const all = linesOf(text).map((line) => (bare ? line.trimEnd() : line));
  let at = 0;
  for (const each of lines) {
    const line = bare ? each.trimEnd() : each;
    while (at < all.length && all[at] !== line) at++;
    if (at === all.length) return line;
    at++;
  }
  return null;
}

/** The lines that an edit has nothing to do with. */
export function untouchedLines(file: JourneyText, document: number, edit: Edit): string[] {
  const touched = new Touched(file, document);
  touched.edit(edit);
  return linesOf(file.text).filter((_, line) => !touched.lines.has(line));
}

class Touched {
  readonly lines = new Set<number>();
  private readonly file: JourneyText;
  private readonly document: number;

  constructor(file: JourneyText, document: number) {
    this.file = file;
    this.document = document;
  }

  edit(edit: Edit): void {
    switch (edit.edit) {
      case "insert":
      case "paste":
        this.target(edit.target);
        break;
      case "delete":
      case "disable":
        this.places(edit.steps);
        break;
      case "move":
        this.places(edit.steps);
        this.target(edit.target);
        break;
      case "duplicate":
        this.brackets(...edit.steps);
        break;
      case "wrap":
        this.places(edit.steps);
        break;
      case "unwrap":
        this.places([edit.step]);
        break;
      case "add-way":
        this.numbers();
        this.brackets([...edit.step, "branch"], [...edit.step, "split"]);
        break;
      case "remove-way":
      case "reorder":
        this.numbers();
        this.places([edit.edit === "reorder" ? edit.path : edit.way]);
        break;
      case "rename-way":
        this.mentions("is", "is_not", "in", "not_in");
        this.path([...edit.way, "name"]);
        this.entryLine(edit.way);
        break;
      case "rename-step":
        this.mentions(String(this.value([...edit.step, "id"])));
        this.brackets(edit.step);
        break;
      case "set":
      case "unset":
        this.path(edit.path);
        this.blanks(edit.path);
        // What is left empty, or was not there, is written with what is around it.
        this.around(edit.path);
        break;
      case "add-item":
        this.path(edit.list);
        break;
      case "enable":
      case "note":
        this.places([edit.step]);
        break;
    }
  }

  private value(path: Path): unknown {
    const document = this.file.documents[this.document];
    let value: unknown = document
      ? nodeValue(document, document.tree.contents as Node | null)
      : null;
    for (const part of path) value = (value as { [key: string | number]: unknown } | null)?.[part];
    return value;
  }

  private range(from: number, to: number): void {
    const { text } = this.file;
    const first = text.slice(0, from).split("\n").length - 1;
    const last =
      text.slice(0, Math.max(to - (text[to - 1] === "\n" ? 1 : 0), from)).split("\n").length - 1;
    for (let line = first; line <= last; line++) this.lines.add(line);
  }

  private path(path: Path): void {
    const range = rangeOf(this.file, this.document, path);
    if (range !== null) this.range(range.from, range.to);
    this.brackets(path);
  }

  /** The line of a dash, which the first key shares with it. */
  private entryLine(path: Path): void {
    const range = rangeOf(this.file, this.document, path);
    if (range !== null) this.range(range.from, range.from);
    this.brackets(path);
  }

  private around(path: Path): void {
    const outer = path.slice(0, -1);
    const value = this.value(outer);
    const left =
      isValueMap(value as never) || Array.isArray(value) ? Object.keys(value as object).length : 0;
    if (outer.length > 0 && left <= 1) {
      this.path(outer);
      this.blanks(outer);
    }
    // A key that stands in the line of a dash hands its place to the next one.
    if (typeof outer.at(-1) === "number" && isValueMap(value as never)) {
      for (const key of Object.keys(value as object).slice(0, 2)) this.path([...outer, key]);
    }
  }

  private target({ list }: Target): void {
    const value = this.value(list);
    if (!Array.isArray(value) || value.length === 0) this.key(list);
    this.brackets(list);
  }

  /** The line of a key, or of what is around a list that is not written. */
  private key(list: Path): void {
    const range = rangeOf(this.file, this.document, list);
    if (range !== null && this.value(list) !== undefined) this.range(range.from, range.to);
  }

  /** Brackets around a path may have to become lines. */
  private brackets(...paths: Path[]): void {
    for (const path of paths) {
      for (let depth = 1; depth <= path.length; depth++) {
        const node = this.node(path.slice(0, depth));
        if (!isCollection(node) || node.flow !== true) continue;
        const range = rangeOf(this.file, this.document, path.slice(0, depth));
        if (range !== null) this.range(range.from, range.to);
        break;
      }
    }
  }

  private node(path: Path): Node | null {
    const document = this.file.documents[this.document];
    return (document?.tree.getIn(path, true) ?? null) as Node | null;
  }

  private places(places: readonly StepPlace[]): void {
    const outline = outlineOf(this.file, this.document);
    for (const place of places) {
      if (Array.isArray(place)) {
        const path = place as Path;
        this.path(path);
        this.blanks(path);
        const list = path.slice(0, -1);
        const gone = new Set(
          places
            .filter((each) => Array.isArray(each) && each.slice(0, -1).join() === list.join())
            .map(String),
        );
        if ((this.value(list) as unknown[] | undefined)?.length === gone.size) this.keyLine(list);
        this.all(outline.steps, path);
        for (const exit of outline.exits) if (exit.steps !== null) this.all(exit.steps, path);
      } else if ("list" in place) {
        this.pieces(outline.steps, place.list, place.disabled);
        for (const exit of outline.exits) {
          if (exit.steps !== null) this.pieces(exit.steps, place.list, place.disabled);
        }
        this.key(place.list);
      }
    }
  }

  private keyLine(list: Path): void {
    const range = rangeOf(this.file, this.document, list);
    if (range !== null) this.range(range.from, range.from);
    // The anchor of a list may have a line of its own.
    const start = this.node(list)?.range?.[0];
    const from = this.file.documents[this.document]?.from ?? 0;
    if (range !== null && start !== undefined) this.range(range.from, from + start - 1);
  }

  /** The comment and the blank lines above a step or a key, and the comments below that are deeper. */
  private blanks(path: Path): void {
    const range = rangeOf(this.file, this.document, path);
    if (range === null) return;
    const all = linesOf(this.file.text);
    const is = (line: number, kind: RegExp) => kind.test(all[line] ?? "x");
    const last = this.file.text.slice(0, range.to).split("\n").length - 1;
    let first = this.file.text.slice(0, range.from).split("\n").length - 1;
    // A dash may stand in a line of its own, with comments before the first key.
    let dash = first;
    while (dash > 0 && is(dash - 1, /^\s*(#.*)?\s*$/)) dash--;
    if (typeof path.at(-1) === "number" && is(dash - 1, /^\s*-\s*(&\S+\s*)?(#.*)?\s*$/)) {
      for (; first >= dash; first--) this.lines.add(first);
      this.lines.add(first);
    }
    const column = (all[first] ?? "").search(/\S/);
    let above = first - 1;
    for (; is(above, /^\s*#/); above--) this.lines.add(above);
    for (; above >= 0 && is(above, /^\s*$/); above--) this.lines.add(above);
    for (let below = last + 1; below < all.length; below++) {
      const deeper = (all[below] ?? "").search(/\S/) > column;
      if (!is(below, /^\s*$/) && !(is(below, /^\s*#/) && deeper)) break;
      this.lines.add(below);
    }
  }

  private all(list: StepList, path: Path): void {
    for (const item of list.items) {
      if (item.type !== "step") continue;
      const own =
        item.path.length === path.length && item.path.every((part, at) => path[at] === part);
      if (own && item.note !== null) this.range(item.note.from, item.note.to);
      for (const way of item.ways) if (way.steps !== null) this.all(way.steps, path);
    }
  }

  private pieces(list: StepList, path: Path, disabled: number): void {
    for (const item of list.items) {
      if (item.type === "disabled") {
        const own = item.list.join() === path.join() && item.disabled === disabled;
        if (own) this.range(item.note?.from ?? item.range.from, item.range.to);
      } else
        for (const way of item.ways) if (way.steps !== null) this.pieces(way.steps, path, disabled);
    }
  }

  /** Lines in which one of these words stands. */
  private mentions(...words: string[]): void {
    linesOf(this.file.text).forEach((line, index) => {
      if (words.some((word) => line.includes(word) || line.includes(word.replaceAll("'", "''"))))
        this.lines.add(index);
    });
  }

  /** Names of cases without a name change with their order. */
  private numbers(): void {
    linesOf(this.file.text).forEach((line, index) => {
      if (/\bis(_not)?"?:|\bin"?:/.test(line)) this.lines.add(index);
    });
  }
}
