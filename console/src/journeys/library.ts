import { applyEdit } from "@/builder/document/applyEdit";
import type { Edit } from "@/builder/document/edits";
import { findDocument, openText } from "@/builder/document/reading";

const FILES = import.meta.glob<string>("../../../journeys/library/*.yaml", {
  query: "?raw",
  import: "default",
});

/** The names of the ready journeys, in their order. */
export const LIBRARY: readonly string[] = Object.keys(FILES).map(nameOf).sort();

function nameOf(path: string): string {
  return path.replace(/^.*\/(.*)\.yaml$/, "$1");
}

/** What the comment at the head of a ready journey says of it: its first paragraph. */
export function aboutText(text: string): string {
  const said: string[] = [];
  for (const line of text.split("\n")) {
    const words = /^#\s*(.*)$/.exec(line)?.[1] ?? "";
    if (words === "") {
      break;
    }
    said.push(words.trim());
  }
  return said.join(" ");
}

/** What each ready journey does, by its name. */
export async function aboutLibrary(): Promise<ReadonlyMap<string, string>> {
  const texts = await Promise.all(
    Object.entries(FILES).map(
      async ([path, load]) => [nameOf(path), aboutText(await load())] as const,
    ),
  );
  return new Map(texts);
}

/** What a new journey begins with: its own text, and the documents that it needs. */
export interface Beginning {
  text: string;
  needs: readonly { kind: string; key: string; source: string }[];
}

/** An empty journey: an event begins it, and it ends at once. */
export function emptyJourney(key: string): Beginning {
  const text = `journey: ${key}\nentry: {event: Signed Up}\nsteps:\n  - {id: first, wait: 1d}\n`;
  return { text, needs: [] };
}

/** A ready journey under a key of one's own. Throws if the library has none of this name. */
export async function readyJourney(name: string, key: string): Promise<Beginning> {
  const load = FILES[`../../../journeys/library/${name}.yaml`];
  if (load === undefined) {
    throw new Error(`the library has no ${name}`);
  }
  const file = openText(await load());
  const journeys = file.documents.filter((document) => document.kind === "journey");
  const own = journeys.find((document) => document.key === name) ?? journeys[0];
  if (own === undefined) {
    throw new Error(`${name} has no journey`);
  }
  const needs = file.documents.flatMap((document) =>
    document === own || document.kind === null || document.key === null
      ? []
      : [{ kind: document.kind, key: document.key, source: document.text }],
  );
  return { text: renamed(own.text, key), needs };
}

/** What a journey begins with, called by a name that is more than its key. */
export function called(beginning: Beginning, key: string, name: string): Beginning {
  if (name === key) {
    return beginning;
  }
  const file = openText(beginning.text);
  const place = file.documents.findIndex((document) => document.kind === "journey");
  const result = applyEdit(file, place, { edit: "set", path: ["name"], value: name });
  return result.ok ? { ...beginning, text: result.text } : beginning;
}

/** The text of a journey under another key; all of its other lines stay as they are. */
export function renamed(text: string, key: string): string {
  const file = openText(text);
  const place = file.documents.findIndex((document) => document.kind === "journey");
  const edit: Edit = { edit: "set", path: ["journey"], value: key };
  const result = applyEdit(file, place, edit);
  return result.ok && findDocument(openText(result.text), "journey", key) !== -1
    ? result.text
    : text;
}
