/** Single values in a field: shown as text, and read from what is typed. */

import { plainValue } from "@/builder/document/values";

/** The types of values that something has; none means that they are not known. */
export type Types = readonly ("text" | "number" | "truth" | "list" | "object")[];

type Single = string | number | boolean | null;

function onlyText(types: Types): boolean {
  return types.length > 0 && types.every((type) => type === "text" || type === "list");
}

function isQuoted(text: string): boolean {
  return text.length >= 2 && text.startsWith('"') && text.endsWith('"');
}

/** A value as a field shows it: text that would be read as something else is in quotes. */
export function shownValue(value: Single, types: Types): string {
  if (typeof value !== "string" || onlyText(types)) {
    return String(value);
  }
  return readPlain(value) === value && !isQuoted(value) ? value : JSON.stringify(value);
}

function readPlain(text: string): string | number | boolean {
  const plain = plainValue(text);
  return plain ?? text;
}

/** What was typed: text where the values are texts, else a number or a truth if it is one. */
export function typedValue(text: string, types: Types): string | number | boolean {
  if (onlyText(types)) {
    return text;
  }
  if (isQuoted(text)) {
    try {
      const inside: unknown = JSON.parse(text);
      return typeof inside === "string" ? inside : text;
    } catch {
      return text;
    }
  }
  return readPlain(text);
}
