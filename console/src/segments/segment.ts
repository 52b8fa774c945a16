import { api } from "@/api/client";
import type { Model } from "@/api/models";
import { problemOf } from "@/api/problems";

const YAML = { "Content-Type": "application/yaml" } as const;

/** The text itself as the body of a call: the API takes a document as YAML. */
function asText(body: unknown): string {
  return body as string;
}

/** How many contacts a condition has now, and some of them. Nothing is saved. */
export async function countMatches(text: string): Promise<Model<"SegmentPreviewBody">> {
  const { data, error, response } = await api.POST("/v1/segments/preview", {
    body: text as never,
    bodySerializer: asText,
    headers: YAML,
  });
  if (data === undefined) {
    throw problemOf(response, error);
  }
  return data;
}

/** Save a segment. It counts at once. Throws ApiProblem if the text is no segment of this key. */
export async function saveSegment(key: string, text: string): Promise<void> {
  const { error, response } = await api.PUT("/v1/segments/{key}", {
    params: { path: { key } },
    body: text as never,
    bodySerializer: asText,
    headers: YAML,
  });
  if (!response.ok) {
    throw problemOf(response, error);
  }
}
