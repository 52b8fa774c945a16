import { texts } from "@/texts";

/** An answer of the API that refuses, as RFC 9457 has it. */
export class ApiProblem extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    /** The rest of the body, such as the problems of each field. */
    readonly body: Readonly<Record<string, unknown>> = {},
  ) {
    super(message);
  }
}

/** The problem in an answer; the server says in words what is wrong. */
export function problemOf(response: Response, body: unknown): ApiProblem {
  if (typeof body === "object" && body !== null) {
    const fields = body as Record<string, unknown>;
    const code = typeof fields.code === "string" ? fields.code : String(response.status);
    const message = typeof fields.message === "string" ? fields.message : response.statusText;
    return new ApiProblem(response.status, code, message, fields);
  }
  return new ApiProblem(response.status, String(response.status), response.statusText);
}

/** The words for any error; one without an answer means that the server was not reached. */
export function wordsOf(error: unknown): string {
  if (error instanceof ApiProblem) {
    return error.message;
  }
  return texts.parts.offline;
}

export function isNotFound(error: unknown): boolean {
  return error instanceof ApiProblem && error.status === 404;
}

/** Whether no answer came: the server cannot be reached, or what it needs is away. */
export function isAway(error: unknown): boolean {
  return error instanceof ApiProblem
    ? error.status >= 502 && error.status <= 504
    : error instanceof TypeError;
}
