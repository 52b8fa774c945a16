/** The words of a sentence, and which of them name what can be chosen. */

import { isValueMap, type Value } from "@/builder/document/values";
import { inOneLine } from "@/builder/graph/cardWords";
import { durationWords } from "@/moments/durations";
import { momentWords, referredWords } from "@/moments/moments";
import { texts } from "@/texts";
import { choiceOf } from "./comparing";
import type { Clause, Line, Part, Sentence, TimesPart } from "./parts";

const words = texts.conditions;

/** A piece of a sentence; what can be chosen stands out. */
export interface Piece {
  readonly text: string;
  readonly chosen: boolean;
}

function plain(text: string): Piece {
  return { text, chosen: false };
}

function chosen(text: string): Piece {
  return { text: text === "" ? words.empty : text, chosen: true };
}

/** A value that is compared with, in words. */
export function operandWords(value: Value): string {
  if (isValueMap(value)) {
    return referredWords(value);
  }
  return typeof value === "string" && value !== "" && value.trim() === ""
    ? JSON.stringify(value)
    : String(value);
}

/** How often, in words; null for a form that has no words of its own. */
export function timesWords(part: TimesPart): readonly Piece[] {
  const { value } = part;
  if (value === undefined) {
    return [plain(words.times.once)];
  }
  if (value === 0) {
    return [plain(words.times.never)];
  }
  if (typeof value === "number") {
    return counted(words.times.is, String(value));
  }
  if (isValueMap(value)) {
    const entries = Object.entries(value);
    const known = entries.every(([key, each]) => key in words.times && typeof each !== "object");
    if (known && entries.length > 0) {
      return entries.flatMap(([key, each], place) => [
        ...(place === 0 ? [] : [plain(words.and)]),
        ...counted(words.times[key as keyof typeof words.times], String(each)),
      ]);
    }
  }
  return [chosen(words.kept("count", inOneLine(value)))];
}

function counted(before: string, count: string): readonly Piece[] {
  return [plain(before), chosen(count), plain(words.timesWord(count))];
}

/** What a part says. */
export function partPieces(part: Part): readonly Piece[] {
  switch (part.type) {
    case "word":
      return [plain(words.words[part.word])];
    case "name":
      return [chosen(part.value)];
    case "property":
      return [chosen(part.key)];
    case "choice":
      return [chosen(words[part.choice][part.value] ?? part.value)];
    case "times":
      return timesWords(part);
    case "operator":
      return [plain(words.operators[choiceOf(part)])];
    case "operand":
      return [chosen(operandWords(part.value))];
    case "list":
      return [chosen(part.value.map((each) => operandWords(each)).join(", "))];
    case "moment":
      return [chosen(momentWords(part.value))];
    case "duration":
      return [chosen(durationWords(part.value))];
    case "number":
      return [chosen(String(part.value))];
    case "kept":
      return [chosen(words.kept(String(part.at.at(-1) ?? ""), JSON.stringify(part.value)))];
  }
}

/** The words of a clause. */
export function clausePieces({ parts }: Clause): readonly Piece[] {
  const never = parts.find((part) => part.type === "times" && part.value === 0);
  const [first, ...others] = parts;
  // "has never Order Completed" reads better than "has Order Completed never".
  const said =
    never === undefined || first === undefined
      ? parts
      : [first, never, ...others.filter((part) => part !== never)];
  return said.flatMap(partPieces);
}

/** The words of a line: `has Order Completed at least 2 times in the last 30 days`. */
export function linePieces(line: Line): readonly Piece[] {
  return line.clauses.flatMap((clause, place) => {
    const pieces = clausePieces(clause);
    const before = line.clauses[place - 1]?.parts[0];
    // Each further measure is joined to the one before it.
    return before?.type === "word" && isMeasure(before.word) && clause.removable
      ? [plain(words.and), ...pieces]
      : pieces;
  });
}

function isMeasure(word: string): boolean {
  return word === "sum" || word === "avg" || word === "min" || word === "max";
}

/** Pieces as text. */
export function textOf(pieces: readonly Piece[]): string {
  return pieces.map((piece) => piece.text).join(" ");
}

/** A whole condition in words. */
export function sentenceText(sentence: Sentence): string {
  switch (sentence.form) {
    case "text":
      return inOneLine(sentence.value);
    case "line":
      return textOf(linePieces(sentence));
    case "group": {
      const said = sentence.items.map(sentenceText);
      const all = said.length === 0 ? words.nothing : said.join("; ");
      return `${words.quantifiers[sentence.quantifier]}: ${all}`;
    }
  }
}
