/** An edit in the making: steps of it, one after the other, each checked by reading its result. */

import { expanded } from "@/builder/document/brackets";
import { sameValue } from "@/builder/document/model";
import {
  applyPatches,
  composed,
  keepingEnd,
  sorted,
  type TextPatch,
} from "@/builder/document/patches";
import {
  type JourneyText,
  openText,
  type Path,
  type SourceDocument,
} from "@/builder/document/reading";
import { asTextOnly, NeedsLines, Refused } from "@/builder/document/refusals";
import { rootValue, type Value } from "@/builder/document/values";
import { type Style, styleOf } from "@/builder/document/writing";

/** How many brackets around one another an edit may have to write as lines. */
const MOST_BRACKETS = 8;

export class Draft {
  file: JourneyText;
  patches: readonly TextPatch[] = [];
  readonly index: number;
  private readonly length: number;

  constructor(file: JourneyText, index: number) {
    this.file = file;
    this.index = index;
    this.length = file.text.length;
    const document = file.documents[index];
    if (document === undefined || document.problems.length > 0) {
      throw new Refused({ reason: "unreadable" });
    }
  }

  get document(): SourceDocument {
    return this.documentAt(this.index);
  }

  get value(): Value {
    return rootValue(this.document);
  }

  get style(): Style {
    return styleOf(this.document);
  }

  /** Makes one step of the edit, after which the document must read as `expected`. */
  step(
    make: (document: SourceDocument, style: Style) => readonly TextPatch[],
    expected: (value: Value) => Value,
  ): void {
    const patches = this.made(make);
    const wanted = expected(this.value);
    this.commit([[this.index, patches]], (index, value, before) =>
      sameValue(value, index === this.index ? wanted : before),
    );
  }

  /** Makes a step in several documents; `right` says whether a document reads as it should. */
  commit(
    changes: readonly (readonly [number, readonly TextPatch[]])[],
    right: (index: number, value: Value, before: Value) => boolean,
  ): void {
    const wanted = sorted(
      changes.flatMap(([index, each]) => {
        const { from } = this.documentAt(index);
        return each.map((patch) => ({
          from: patch.from + from,
          to: patch.to + from,
          insert: patch.insert,
        }));
      }),
    );
    const patches = keepingEnd(this.file.text, wanted);
    const next = openText(applyPatches(this.file.text, patches));
    if (next.documents.length !== this.file.documents.length) throw asTextOnly();
    next.documents.forEach((document, index) => {
      const old = this.documentAt(index);
      if (document.text === old.text) return;
      const value = rootValue(document);
      const before = rootValue(old);
      if (document.problems.length > old.problems.length) throw asTextOnly();
      if (!right(index, value, before)) throw asTextOnly();
    });
    this.patches = composed(this.length, this.patches, patches);
    this.file = next;
  }

  private documentAt(index: number): SourceDocument {
    const document = this.file.documents[index];
    if (document === undefined) throw new Refused({ reason: "unreadable" });
    return document;
  }

  /** The patches of a step; brackets that are in its way are written as lines first. */
  private made(
    make: (document: SourceDocument, style: Style) => readonly TextPatch[],
  ): readonly TextPatch[] {
    for (let turn = 0; ; turn++) {
      try {
        return make(this.document, this.style);
      } catch (error) {
        if (!(error instanceof NeedsLines) || turn >= MOST_BRACKETS) throw error;
        this.expand(error.path);
      }
    }
  }

  private expand(path: Path): void {
    const patch = expanded(this.document, path, this.style);
    this.commit([[this.index, [patch]]], (_, value, before) => sameValue(value, before));
  }
}
