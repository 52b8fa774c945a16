/** Keys of documents, made of the names that people give. */

import { isDocumentKey } from "@/builder/document/schema";

const LONGEST = 64;

/** The key that a name makes: `Welcome & tip` is `welcome-tip`. Empty if nothing of it can stand. */
export function keyOf(name: string): string {
  const typed = name.trim();
  if (isDocumentKey(typed)) {
    return typed;
  }
  const made = typed
    .replaceAll("ß", "ss")
    .normalize("NFKD")
    .replace(/\p{M}/gu, "")
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .slice(0, LONGEST)
    .replace(/^-+|-+$/g, "");
  return isDocumentKey(made) ? made : "";
}
