/** Reader of outlines: from the tree of a document to what its graph shows. */

import { isMap, isSeq, type Node } from "yaml";
import {
  type DisabledPiece,
  disabledIn,
  listLines,
  type Note,
  readDisabled,
} from "@/builder/document/comments";
import {
  HOLDOUT,
  kindOf,
  OTHERWISE,
  type StepKind,
  type WayForm,
  WINNER,
} from "@/builder/document/language";
import type {
  DisabledStep,
  Outline,
  OutlineItem,
  OutlineStep,
  Rule,
  StepList,
  Way,
} from "@/builder/document/outline";
import type { Path, Range, SourceDocument } from "@/builder/document/reading";
import { formOfMapping, schemaOfItems } from "@/builder/document/schema";
import { entryOf, listShape, mapShape, reach, resolved } from "@/builder/document/structure";
import { isValueMap, nodeValue, type Value } from "@/builder/document/values";

/** The outline of a document, which is the one at this place of its file. */
export function readOutline(document: SourceDocument, place: number): Outline {
  return new Reader(document, place).outline();
}

class Reader {
  private readonly used = new Map<string, number>();
  private readonly document: SourceDocument;
  private readonly place: number;

  constructor(document: SourceDocument, place: number) {
    this.document = document;
    this.place = place;
  }

  outline(): Outline {
    const { document } = this;
    const name = this.valueAt(["name"]);
    const [goal] = this.rules("goal");
    return {
      document: this.place,
      key: document.key,
      name: typeof name === "string" ? name : null,
      range: { from: document.from, to: document.from + document.text.length },
      entries: this.rules("entry"),
      steps: this.list(["steps"], "steps"),
      exits: this.rules("exit"),
      goal: goal ?? null,
    };
  }

  private valueAt(path: Path): Value {
    const reached = reach(this.document, path);
    return reached === null ? null : nodeValue(this.document, reached.node);
  }

  private range(from: number, to: number): Range {
    return { from: from + this.document.from, to: to + this.document.from };
  }

  private rules(type: Rule["type"]): readonly Rule[] {
    const { document } = this;
    const found = entryOf(document.text, document.tree.contents as Node | null, type);
    if (found === null) return [];
    const node = resolved(document, found.node);
    if (!isSeq(node)) return [this.rule(type, type, [type], node, found.value, found.to)];
    return listShape(document.text, node).items.map((item, index) =>
      this.rule(type, `${type}:${index}`, [type, index], item.node, item.value, item.to),
    );
  }

  private rule(
    type: Rule["type"],
    key: string,
    path: Path,
    node: Node | null,
    from: number,
    to: number,
  ): Rule {
    const value = nodeValue(this.document, node);
    const takesSteps = type === "exit" && isValueMap(value);
    const steps = takesSteps ? this.list([...path, "then"], key) : null;
    return { type, key, path, range: this.range(from, to), value, steps };
  }

  private list(path: Path, owner: string): StepList {
    const { document } = this;
    const node = resolved(document, reach(document, path)?.node ?? null);
    if (!isSeq(node)) return { path, missing: true, length: 0, items: [] };
    const { flow, items } = listShape(document.text, node);
    const lines = flow ? null : listLines(document.text, node);
    const shown: OutlineItem[] = [];
    const disabled = disabledIn(document, path);
    let place = 0;
    const showDisabled = (until: number) => {
      for (let next = disabled[place]; next !== undefined; next = disabled[place]) {
        if (next.index > until) break;
        shown.push(this.disabled(path, owner, place, next));
        place++;
      }
    };
    items.forEach((item, index) => {
      showDisabled(index);
      const note = lines?.items[index]?.note ?? null;
      shown.push(this.step([...path, index], owner, index, item.node, item.value, item.to, note));
    });
    showDisabled(items.length);
    return { path, missing: false, length: items.length, items: shown };
  }

  private moved(note: Note | null): Note | null {
    return note === null ? null : { ...note, ...this.range(note.from, note.to) };
  }

  private disabled(list: Path, owner: string, place: number, piece: DisabledPiece): DisabledStep {
    const read = readDisabled(piece.source);
    const value = read === null ? null : nodeValue(read.document, read.node);
    const id = isValueMap(value) && typeof value.id === "string" ? value.id : null;
    return {
      type: "disabled",
      key: this.unique(`disabled:${id ?? owner}`),
      list,
      disabled: place,
      index: piece.index,
      id,
      kind: kindOf(read?.keys ?? []),
      range: this.range(piece.note?.to ?? piece.from, piece.to),
      note: this.moved(piece.note),
      value,
      source: piece.source,
    };
  }

  private step(
    path: Path,
    owner: string,
    index: number,
    item: Node | null,
    from: number,
    to: number,
    note: Note | null,
  ): OutlineStep {
    const { document } = this;
    const node = resolved(document, item);
    const keys = isMap(node) ? mapShape(document.text, node).entries.map(({ key }) => key) : [];
    const value = nodeValue(document, node);
    const written = isValueMap(value) ? value.id : null;
    const id = written === undefined || written === null ? null : String(written);
    const kind = kindOf(keys);
    const key = this.unique(id === null ? `${owner}/${index}` : `step:${id}`);
    return {
      type: "step",
      key,
      path,
      index,
      id,
      kind,
      range: this.range(from, to),
      note: this.moved(note),
      value,
      source: document.text.slice(from, to),
      ways: kind === null || kind.ways.length === 0 ? [] : this.ways(kind, path, key),
    };
  }

  private ways(kind: StepKind, path: Path, owner: string): readonly Way[] {
    const { document } = this;
    const list: Path = [...path, kind.kind];
    const node = resolved(document, reach(document, list)?.node ?? null);
    if (!isSeq(node)) return [];
    const items = listShape(document.text, node).items;
    const ways = items.map((item, index) =>
      this.way(kind, [...list, index], owner, index, item.node, item.value, item.to),
    );
    const total = ways.reduce((sum, way) => sum + (way.weight ?? 0), 0);
    const shared = ways.map((way) =>
      way.weight === null || total <= 0 ? way : { ...way, share: way.weight / total },
    );
    const otherwise = kind.ways.find(({ name }) => name === OTHERWISE);
    if (otherwise === undefined || ways.some(({ role }) => role === "else")) return shared;
    const implied: Path = [...list, items.length];
    return [...shared, this.impliedWay(otherwise, implied, owner)];
  }

  private impliedWay(form: WayForm, path: Path, owner: string): Way {
    const steps = { path: [...path, form.steps], missing: true, length: 0, items: [] };
    return {
      key: this.unique(`${owner}/else`),
      path,
      role: "else",
      name: "else",
      named: false,
      weight: null,
      share: null,
      value: null,
      implied: true,
      range: null,
      steps,
    };
  }

  private way(
    kind: StepKind,
    path: Path,
    owner: string,
    index: number,
    node: Node | null,
    from: number,
    to: number,
  ): Way {
    const value = nodeValue(this.document, node);
    const keys = isValueMap(value) ? Object.keys(value) : [];
    const items = schemaOfItems(kind.content);
    const found = items === null ? null : formOfMapping(items, keys);
    const form = kind.ways.find(({ name }) => name === found?.name) ?? kind.ways[0];
    const text = isValueMap(value) ? value.name : undefined;
    const named = text !== undefined && text !== null && text !== "";
    const weight = isValueMap(value) && typeof value.weight === "number" ? value.weight : null;
    const role = roleOf(form, value);
    const name = role === "else" ? "else" : named ? String(text) : String(index + 1);
    const key = this.unique(`${owner}/${role === "else" ? "else" : `way:${name}`}`);
    const takesSteps = form !== undefined && role !== "holdout" && role !== "winner";
    return {
      key,
      path,
      role,
      name,
      named,
      weight,
      share: null,
      value,
      implied: false,
      range: this.range(from, to),
      steps: takesSteps ? this.list([...path, form.steps], key) : null,
    };
  }

  /** The key itself, or with a number if something else has it already. */
  private unique(key: string): string {
    const times = (this.used.get(key) ?? 0) + 1;
    this.used.set(key, times);
    return times === 1 ? key : `${key}#${times}`;
  }
}

function roleOf(form: WayForm | undefined, value: Value): Way["role"] {
  if (form?.name === OTHERWISE) return "else";
  if (form?.optional !== true) return "case";
  if (!isValueMap(value)) return "arm";
  if (value[HOLDOUT] === true) return "holdout";
  return isValueMap(value[WINNER]) ? "winner" : "arm";
}
