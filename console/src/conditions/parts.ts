/** The parts of a condition as a sentence: what stands in it, and where in the condition. */

import type { Path } from "@/builder/document/reading";
import type { Value } from "@/builder/document/values";

/** The kinds of conditions, in the order in which they are offered. */
export const KINDS = [
  "attribute",
  "event",
  "segment",
  "topic",
  "group",
  "near",
  "message",
  "step",
  "entry",
] as const;

export type Kind = (typeof KINDS)[number];

/** How many of the conditions of a group have to hold. */
export const QUANTIFIERS = ["all", "any", "none", "not-all"] as const;

export type Quantifier = (typeof QUANTIFIERS)[number];

/** The operators of comparisons, as documents write them. */
export const OPERATORS = [
  "is",
  "is_not",
  "in",
  "not_in",
  "gt",
  "gte",
  "lt",
  "lte",
  "contains",
  "starts_with",
  "ends_with",
  "exists",
  "before",
  "after",
  "any",
] as const;

export type Operator = (typeof OPERATORS)[number];

/** What things a name can be chosen from. */
export type Names =
  | "attributes"
  | "events"
  | "groups"
  | "places"
  | "segments"
  | "steps"
  | "topics"
  | "properties";

/** What is compared: it says which operators and values are likely. */
export type Subject =
  | { readonly of: "attribute"; readonly name: string }
  | { readonly of: "property"; readonly event: string; readonly name: string }
  | { readonly of: "entry"; readonly name: string }
  | { readonly of: "step"; readonly step: string; readonly name: string }
  | { readonly of: "number" };

/** Words that stand between the parts, by their key in the texts. */
export type Word =
  | "has"
  | "inSegment"
  | "inGroup"
  | "consent"
  | "near"
  | "of"
  | "message"
  | "was"
  | "step"
  | "entry"
  | "and"
  | "within"
  | "since"
  | "before"
  | "where"
  | "element"
  | "sum"
  | "avg"
  | "min"
  | "max";

export interface WordPart {
  readonly type: "word";
  readonly word: Word;
}

/** The name of a thing: an attribute, an event, a segment… */
export interface NamePart {
  readonly type: "name";
  readonly at: Path;
  readonly value: string;
  readonly names: Names;
}

/** The key of a property, under which a comparison stands. */
export interface PropertyPart {
  readonly type: "property";
  /** The mapping whose key it is. */
  readonly around: Path;
  readonly key: string;
  readonly event: string;
}

/** One word of a few: what became of a message, the state of consent. */
export interface ChoicePart {
  readonly type: "choice";
  readonly at: Path;
  readonly value: string;
  readonly choice: "status" | "consent";
}

/** How often an event happened; undefined means at least once. */
export interface TimesPart {
  readonly type: "times";
  readonly at: Path;
  readonly value: Value | undefined;
}

/** An operator of a comparison. */
export interface OperatorPart {
  readonly type: "operator";
  /** The value that is compared with, or the mapping that holds the operators. */
  readonly around: Path;
  readonly operator: Operator;
  /** Whether it is not written: `{total: 0}` means `{total: {is: 0}}`. */
  readonly implied: boolean;
  /** Of `exists`: its value. */
  readonly exists?: boolean;
  readonly subject: Subject;
}

/** What is compared with: a value, or a reference to one. */
export interface OperandPart {
  readonly type: "operand";
  readonly at: Path;
  readonly value: Value;
  readonly subject: Subject;
}

/** The values of a list, one of which it is or is not. */
export interface ListPart {
  readonly type: "list";
  readonly at: Path;
  readonly value: readonly Value[];
  readonly subject: Subject;
}

export interface MomentPart {
  readonly type: "moment";
  readonly at: Path;
  readonly value: Value;
}

export interface DurationPart {
  readonly type: "duration";
  readonly at: Path;
  readonly value: string;
}

export interface NumberPart {
  readonly type: "number";
  readonly at: Path;
  readonly value: Value;
  readonly label: "km" | "lat" | "lon";
}

/** What the editor does not know: shown as it is written, and kept. */
export interface KeptPart {
  readonly type: "kept";
  readonly at: Path;
  readonly value: Value;
}

export type Part =
  | WordPart
  | NamePart
  | PropertyPart
  | ChoicePart
  | TimesPart
  | OperatorPart
  | OperandPart
  | ListPart
  | MomentPart
  | DurationPart
  | NumberPart
  | KeptPart;

/** Parts that can be left out together: a period, a property that is asked for. */
export interface Clause {
  /** What is taken out with the clause. */
  readonly at: Path;
  readonly removable: boolean;
  readonly parts: readonly Part[];
}

/** A condition that is no group. */
export interface Line {
  readonly form: "line";
  readonly kind: Kind;
  readonly clauses: readonly Clause[];
}

/** Several conditions, and how many of them have to hold. */
export interface Group {
  readonly form: "group";
  readonly quantifier: Quantifier;
  /** Where the list of its items stands, or its only item if that is no list. */
  readonly at: Path;
  readonly single: boolean;
  readonly items: readonly Sentence[];
  readonly kept: readonly KeptPart[];
}

/** A condition of a form that the editor does not know: it is shown as text. */
export interface TextOnly {
  readonly form: "text";
  readonly value: Value;
}

export type Sentence = Line | Group | TextOnly;
