import { answerOf, api } from "./client";
import type { Model } from "./models";
import { isNotFound, problemOf } from "./problems";

/** The kinds of documents. */
export type DocumentKind = Model<"DraftSummary">["kind"];

/** The kinds that count as soon as they are saved: all but journeys. */
export type PlainKind = Exclude<DocumentKind, "journey">;

/** A document of such a kind. A segment has its text, and no document of its own. */
export type PlainDocument = Pick<
  Model<"DocumentBody">,
  "key" | "version" | "source" | "updated_at"
>;

/** How the API calls several of them. */
const PLURALS = {
  brand: "brands",
  channel: "channels",
  form: "forms",
  holdout: "holdouts",
  places: "places",
  segment: "segments",
  template: "templates",
  test_recipients: "test-recipients",
  topic: "topics",
} as const satisfies Record<PlainKind, string>;

const YAML = { "Content-Type": "application/yaml" } as const;

function ofKey(key: string) {
  return { path: { key } };
}

/** A document; null if there is none of this key. */
export async function readDocument(kind: PlainKind, key: string): Promise<PlainDocument | null> {
  try {
    return await answerOf(api.GET(`/v1/${PLURALS[kind]}/{key}`, { params: ofKey(key) }));
  } catch (error) {
    if (isNotFound(error)) {
      return null;
    }
    throw error;
  }
}

/** The text and the version of any document as it was saved last; null if it never was. */
export async function readSaved(
  kind: DocumentKind,
  key: string,
): Promise<{ source: string; version: number } | null> {
  if (kind !== "journey") {
    return await readDocument(kind, key);
  }
  try {
    return await answerOf(api.GET("/v1/journeys/{key}", { params: ofKey(key) }));
  } catch (error) {
    if (isNotFound(error)) {
      return null;
    }
    throw error;
  }
}

/** A page of the documents of a kind. */
export async function listDocuments(kind: Exclude<PlainKind, "segment">, cursor?: string) {
  const query = { limit: 500, ...(cursor === undefined ? {} : { cursor }) };
  return await answerOf(api.GET(`/v1/${PLURALS[kind]}`, { params: { query } }));
}

/** Save a text as a document. It counts at once. Throws ApiProblem if it has a mistake. */
export async function saveDocument(kind: PlainKind, key: string, text: string): Promise<void> {
  const { error, response } = await api.PUT(`/v1/${PLURALS[kind]}/{key}`, {
    params: ofKey(key),
    body: text as never,
    // The text itself is the body: the API takes a document as YAML.
    bodySerializer: (body: unknown) => body as string,
    headers: YAML,
  });
  if (!response.ok) {
    throw problemOf(response, error);
  }
}

/** A page of the versions of a document, the newest first. */
export async function listVersions(kind: PlainKind, key: string, cursor?: string) {
  const query = {
    limit: 50,
    changes: true,
    ...(cursor === undefined ? {} : { cursor: Number(cursor) }),
  };
  return await answerOf(
    api.GET(`/v1/${PLURALS[kind]}/{key}/versions`, { params: { ...ofKey(key), query } }),
  );
}

/** The changes from one version of a document to another. */
export async function readDifference(kind: PlainKind, key: string, before: number, after: number) {
  return await answerOf(
    api.GET(`/v1/${PLURALS[kind]}/{key}/versions/{before}/diff/{after}`, {
      params: { path: { key, before, after } },
    }),
  );
}

/** Save the text of an earlier version as a new one, which counts at once. */
export async function restoreVersion(kind: PlainKind, key: string, version: number) {
  return await answerOf(
    api.POST(`/v1/${PLURALS[kind]}/{key}/restore`, { params: ofKey(key), body: { version } }),
  );
}

/** Keep a text as the first draft of a document that has none. */
export async function beginDraft(kind: DocumentKind, key: string, text: string): Promise<void> {
  await answerOf(
    api.PUT("/v1/drafts/{kind}/{key}", {
      params: { path: { kind, key }, header: { "if-match": '"0"' } },
      body: { text, base_version: null },
    }),
  );
}
