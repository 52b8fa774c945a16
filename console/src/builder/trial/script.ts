import type { Value } from "@/builder/document/values";
import { plainValue } from "@/builder/document/values";

/** A line that cannot be read: its number, from 1. */
export interface WrongLine {
  readonly line: number;
}

/** Values by name, or the first line that is none. */
export type ReadLines<Read> =
  | { readonly ok: true; readonly read: Read }
  | { readonly ok: false; readonly wrong: WrongLine };

/** An item of the script of a trial: what a contact does, and when. */
export interface TrialEvent {
  readonly at: string;
  readonly event: string;
  readonly properties: { readonly [name: string]: Value };
}

/** A time after the beginning (`+2h`, `+1d12h`), or one with its date. */
const TIME = /^(\+(?:\d+(?:w|d|h|m|s))+|\d{4}-\d\d-\d\d(?:T[\d:.]+(?:Z|[+-]\d\d:\d\d))?)\s+(.+)$/;

function pairOf(text: string): [string, Value] | null {
  const colon = text.indexOf(":");
  const name = text.slice(0, colon).trim();
  return colon < 1 || name === "" ? null : [name, plainValue(text.slice(colon + 1).trim())];
}

function linesOf(text: string): { line: number; text: string }[] {
  return text
    .split("\n")
    .map((each, place) => ({ line: place + 1, text: each.trim() }))
    .filter((each) => each.text !== "");
}

/** Values by name from lines such as `country: FR`. */
export function readValues(text: string): ReadLines<{ [name: string]: Value }> {
  const read: { [name: string]: Value } = {};
  for (const each of linesOf(text)) {
    const pair = pairOf(each.text);
    if (pair === null) {
      return { ok: false, wrong: { line: each.line } };
    }
    read[pair[0]] = pair[1];
  }
  return { ok: true, read };
}

/** Events from lines such as `+2h Order Completed; total: 50; currency: EUR`. */
export function readEvents(text: string): ReadLines<readonly TrialEvent[]> {
  const read: TrialEvent[] = [];
  for (const each of linesOf(text)) {
    const [head = "", ...parts] = each.text.split(";");
    const found = TIME.exec(head.trim());
    const pairs = parts.filter((part) => part.trim() !== "").map(pairOf);
    if (found === null || pairs.some((pair) => pair === null)) {
      return { ok: false, wrong: { line: each.line } };
    }
    const properties = Object.fromEntries(pairs.filter((pair) => pair !== null));
    read.push({ at: found[1] ?? "", event: (found[2] ?? "").trim(), properties });
  }
  return { ok: true, read };
}
