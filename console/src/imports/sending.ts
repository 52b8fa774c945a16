import { useCallback, useState } from "react";
import { answerOf } from "@/api/client";

/** How much of a file has been sent, in bytes. */
export interface Sent {
  readonly sent: number;
  readonly total: number;
}

interface Order {
  path: string;
  query: URLSearchParams;
  body: Blob;
  /** The media type of the body. */
  type: string;
  onSent?: (sent: Sent) => void;
  signal?: AbortSignal;
}

/**
 * Sends a file as the body of a call, read from the disk while it is sent.
 *
 * Only XMLHttpRequest says how much was sent. Throws as `answerOf` does.
 */
export function sendFile<Answer>({ path, query, body, type, onSent, signal }: Order) {
  const call = new Promise<{ data?: Answer; error?: unknown; response: Response }>(
    (resolve, reject) => {
      const request = new XMLHttpRequest();
      request.open("POST", `${path}?${query}`);
      request.setRequestHeader("Parcours-Via", "console");
      request.setRequestHeader("Content-Type", type);
      request.responseType = "json";
      request.upload.onprogress = ({ loaded, total }) => onSent?.({ sent: loaded, total });
      request.onload = () => {
        const response = new Response(null, {
          status: request.status,
          statusText: request.statusText,
        });
        const answer: unknown = request.response;
        resolve(response.ok ? { data: answer as Answer, response } : { error: answer, response });
      };
      request.onerror = () => reject(new TypeError("the server cannot be reached"));
      request.onabort = () => reject(new DOMException("it was stopped", "AbortError"));
      signal?.addEventListener("abort", () => request.abort(), { once: true });
      request.send(body);
    },
  );
  return answerOf<Answer>(call);
}

/** The media type of a file by its name. */
export function mediaTypeOf(name: string): string {
  return /\.(jsonl|ndjson)(\.gz)?$/i.test(name) ? "application/x-ndjson" : "text/csv";
}

/** Sends files, and keeps how much of the one under way was sent. */
export function useSending() {
  const [sent, setSent] = useState<Sent | null>(null);
  const [control, setControl] = useState<AbortController | null>(null);
  const send = useCallback(
    async <Answer>(path: string, query: URLSearchParams, file: File): Promise<Answer> => {
      const stop = new AbortController();
      setControl(stop);
      setSent({ sent: 0, total: file.size });
      try {
        return await sendFile<Answer>({
          path,
          query,
          body: file,
          type: mediaTypeOf(file.name),
          onSent: setSent,
          signal: stop.signal,
        });
      } finally {
        setControl(null);
        setSent(null);
      }
    },
    [],
  );
  const stop = useCallback(() => control?.abort(), [control]);
  return { sent, send, stop };
}

export type Sending = ReturnType<typeof useSending>;
