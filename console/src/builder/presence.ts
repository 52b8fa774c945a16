import { useQuery } from "@tanstack/react-query";
import { useEffect } from "react";
import { answerOf, api } from "@/api/client";
import type { DocumentKind } from "@/api/documents";

/** Milliseconds between two signs of life; the server forgets an editor after thirty seconds. */
const BEAT = 10_000;

/** This tab, among those that edit: two tabs of one person are two editors. */
const EDITOR = crypto.randomUUID().replaceAll("-", "");

async function tell(kind: DocumentKind, key: string, leaving: boolean) {
  return await answerOf(
    api.POST("/v1/drafts/{kind}/{key}/presence", {
      params: { path: { kind, key } },
      body: { editor: EDITOR, leaving },
      // A page that is closed or loaded again waits for no answer, and its last word is still sent.
      keepalive: leaving,
    }),
  );
}

/** Says that this tab edits a document, and learns who else does and whether there is a draft. */
export function usePresence(kind: DocumentKind, key: string, enabled: boolean) {
  useEffect(() => {
    if (!enabled) {
      return;
    }
    const leave = () => {
      void tell(kind, key, true).catch(() => undefined);
    };
    window.addEventListener("pagehide", leave);
    return () => {
      window.removeEventListener("pagehide", leave);
      leave();
    };
  }, [enabled, key, kind]);
  const presence = useQuery({
    queryKey: ["presence", kind, key],
    queryFn: () => tell(kind, key, false),
    refetchInterval: BEAT,
    refetchOnWindowFocus: false,
    enabled,
  });
  const others = presence.data?.editors.filter((each) => each.editor !== EDITOR) ?? [];
  return { ...presence, others };
}
