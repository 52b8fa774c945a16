import { useQuery, useQueryClient } from "@tanstack/react-query";
import { createContext, useContext } from "react";
import { problemOf } from "./problems";

export type Scope = "read" | "edit" | "operate" | "admin";

export interface Session {
  key: { id: string; name: string; scope: Scope };
  may: readonly string[];
  expires_at: string | null;
  development: boolean;
  speed: number;
  temporal_ui: string | null;
  timezone: string;
  version: string;
}

const ADDRESS = "/v1/session";
const HEADERS = { "Parcours-Via": "console", "Content-Type": "application/json" };
export const SESSION = ["session"] as const;

async function call(method: "GET" | "POST" | "DELETE", body?: unknown): Promise<Response> {
  return await fetch(ADDRESS, {
    method,
    headers: HEADERS,
    credentials: "same-origin",
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
}

async function bodyOf(response: Response): Promise<unknown> {
  return await response.json().catch(() => null);
}

/** The session of this browser; null if there is none. In development the page signs in itself. */
export async function readSession(): Promise<Session | null> {
  let response = await call("GET");
  let body = await bodyOf(response);
  if (response.status === 401 && isDevelopment(body)) {
    response = await call("POST", {});
    body = await bodyOf(response);
  }
  if (response.status === 401) {
    return null;
  }
  if (!response.ok) {
    throw problemOf(response, body);
  }
  return body as Session;
}

function isDevelopment(body: unknown): boolean {
  return (
    typeof body === "object" && body !== null && "development" in body && body.development === true
  );
}

/** Begin a session with a key. Throws ApiProblem if the key is refused. */
export async function signIn(key: string): Promise<Session> {
  const response = await call("POST", { key });
  const body = await bodyOf(response);
  if (!response.ok) {
    throw problemOf(response, body);
  }
  return body as Session;
}

export async function signOut(): Promise<void> {
  await call("DELETE");
}

export function useSessionQuery() {
  return useQuery({ queryKey: SESSION, queryFn: readSession, staleTime: 60_000 });
}

/** Set the session that the page has found, without asking for it. */
export function useKeepSession(): (session: Session | null) => void {
  const queries = useQueryClient();
  return (session) => queries.setQueryData(SESSION, session);
}

export const SessionContext = createContext<Session | null>(null);

/** The session, in a page that is only shown with one. */
export function useSession(): Session {
  const session = useContext(SessionContext);
  if (session === null) {
    throw new Error("a page is shown without a session");
  }
  return session;
}

/** Whether the key of the session includes a scope. The server refuses all the same. */
export function useMay(scope: Scope): boolean {
  return useSession().may.includes(scope);
}
