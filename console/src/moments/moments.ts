/** Moments as the language writes them: how each is said, and what fields it has. */

import { isValueMap, type Value, type ValueMap } from "@/builder/document/values";
import { texts } from "@/texts";
import { amountsOf, durationWords } from "./durations";

const words = texts.moments;

/** The forms of a moment. */
export const FORMS = [
  "time",
  "ahead",
  "ago",
  "date",
  "attribute",
  "entryProperty",
  "step",
  "entry",
  "now",
  "today",
  "duration",
] as const;

export type Form = (typeof FORMS)[number];

const TIME = /^(?:[01]\d|2[0-3]):[0-5]\d(?::[0-5]\d)?$/;

/** Whether a text is a time of day. */
export function isTimeOfDay(text: string): boolean {
  return TIME.test(text);
}

/** The form of a moment; null for one that has no fields. */
export function formOf(value: Value): Form | null {
  if (typeof value === "string") {
    return formOfText(value);
  }
  if (!isValueMap(value)) {
    return null;
  }
  if (typeof value.attribute === "string") {
    return "attribute";
  }
  if (typeof value.entry === "string") {
    return "entryProperty";
  }
  return typeof value.step === "string" && typeof value.property === "string" ? "step" : null;
}

function formOfText(text: string): Form | null {
  if (text === "entry" || text === "now" || text === "today") {
    return text;
  }
  if (isTimeOfDay(text)) {
    return "time";
  }
  if (/^[+-]/.test(text)) {
    return text.startsWith("-") ? "ago" : "ahead";
  }
  if (amountsOf(text) !== null) {
    return "duration";
  }
  return /^\d{4}-\d{2}/.test(text) || text === "" ? "date" : null;
}

/** What a moment of a form begins with. */
export function beginningOf(form: Form): Value {
  switch (form) {
    case "time":
      return "09:00";
    case "ahead":
      return "+1d";
    case "ago":
      return "-30d";
    case "date":
      return "";
    case "attribute":
      return { attribute: "" };
    case "entryProperty":
      return { entry: "" };
    case "step":
      return { step: "", property: "" };
    case "duration":
      return "1d";
    case "entry":
    case "now":
    case "today":
      return form;
  }
}

/** A moment in words: `30 days ago`, `the next 09:00`. */
export function momentWords(value: Value): string {
  if (typeof value === "string") {
    return textWords(value);
  }
  return isValueMap(value) ? referenceWords(value) : String(value);
}

function textWords(text: string): string {
  switch (formOfText(text)) {
    case "now":
      return words.now;
    case "today":
      return words.today;
    case "entry":
      return words.entry;
    case "time":
      return words.next(text);
    case "ahead":
      return words.fromNow(durationWords(text.slice(1)));
    case "ago":
      return words.ago(durationWords(text.slice(1)));
    case "duration":
      return durationWords(text);
    default:
      return text === "" ? texts.conditions.empty : text;
  }
}

/** What a reference says, without its shifts. */
export function referredWords(value: ValueMap): string {
  const said = texts.conditions.referenceWords;
  const name = (key: string) => String(value[key] ?? "") || texts.conditions.empty;
  if ("attribute" in value) {
    return said.attribute(name("attribute"));
  }
  return "step" in value ? said.step(name("step"), name("property")) : said.entry(name("entry"));
}

function referenceWords(value: ValueMap): string {
  const { every, offset, at } = value;
  return [
    referredWords(value),
    every === undefined ? null : words.every,
    typeof offset === "string" ? shiftWords(offset) : null,
    typeof at === "string" ? words.at(at) : null,
  ]
    .filter((each) => each !== null)
    .join(", ");
}

/** An offset in words: `3 days earlier`. */
export function shiftWords(text: string): string {
  const body = text.replace(/^[+-]/, "");
  return text.startsWith("-")
    ? words.earlier(durationWords(body))
    : words.later(durationWords(body));
}
