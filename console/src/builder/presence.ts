import { useQuery } from "@tanstack/react-query";
import { useEffect } from "react";
import { answerOf, api } from "@/api/client";

/** Milliseconds between two signs of life; the server forgets an editor after thirty seconds. */
const BEAT = 10_000;

/** This tab, among those that edit: two tabs of one person are two editors. */
const EDITOR = crypto.randomUUID().replaceAll("-", "");

async function tell(journey: string, leaving: boolean) {
  return await answerOf(
    api.POST("/v1/drafts/{kind}/{key}/presence", {
      params: { path: { kind: "journey", key: journey } },
      body: { editor: EDITOR, leaving },
    }),
  );
}

/** Says that this tab edits a journey, and learns who else does and whether there is a draft. */
export function usePresence(journey: string, enabled: boolean) {
  useEffect(() => {
    if (!enabled) {
      return;
    }
    return () => {
      void tell(journey, true).catch(() => undefined);
    };
  }, [enabled, journey]);
  const presence = useQuery({
    queryKey: ["presence", journey],
    queryFn: () => tell(journey, false),
    refetchInterval: BEAT,
    refetchOnWindowFocus: false,
    enabled,
  });
  const others = presence.data?.editors.filter((each) => each.editor !== EDITOR) ?? [];
  return { ...presence, others };
}
