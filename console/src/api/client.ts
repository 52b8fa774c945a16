import createClient from "openapi-fetch";
import { problemOf } from "./problems";
import type { paths } from "./schema";

/** Calls of the API by path, typed by its own description. The cookie of the session goes along. */
export const api = createClient<paths>({
  baseUrl: "",
  headers: { "Parcours-Via": "console" },
  credentials: "same-origin",
});

interface Answer<Data> {
  data?: Data;
  error?: unknown;
  response: Response;
}

type Listener = () => void;
const sessionEnded = new Set<Listener>();

/** Call `listener` when an answer says that the session has ended. Returns what stops it. */
export function onSessionEnd(listener: Listener): () => void {
  sessionEnded.add(listener);
  return () => sessionEnded.delete(listener);
}

/**
 * The data of an answer.
 *
 * Throws ApiProblem if the API refuses, and TypeError if it cannot be reached.
 */
export async function answerOf<Data>(call: Promise<Answer<Data>>): Promise<Data> {
  const { data, error, response } = await call;
  if (response.ok) {
    return data as Data;
  }
  if (response.status === 401) {
    for (const listener of sessionEnded) {
      listener();
    }
  }
  throw problemOf(response, error);
}
