import { useQueryClient } from "@tanstack/react-query";
import { answerOf, api } from "@/api/client";
import { useSession } from "@/api/session";
import { ConfirmPreview } from "@/components/ConfirmPreview";
import { localTime } from "@/components/times";
import { texts } from "@/texts";
import { KEYS, type Key } from "./Keys";

const words = texts.keys;

/** Refuses a key from now on. */
export function RevokeKey({ listed, onClose }: { listed: Key; onClose: () => void }) {
  const session = useSession();
  const queries = useQueryClient();
  const used =
    listed.last_used_at === null
      ? words.neverUsed
      : words.usedAt(localTime(new Date(listed.last_used_at)));
  return (
    <ConfirmPreview
      title={words.revokeTitle(listed.name)}
      words={
        <>
          <p>{words.revokeWords(listed.name, listed.scope, used)}</p>
          {listed.id === session.key.id && <p>{words.revokeOwn}</p>}
        </>
      }
      confirm={words.revoke}
      danger
      act={() =>
        answerOf(api.DELETE("/v1/keys/{key_id}", { params: { path: { key_id: listed.id } } }))
      }
      onDone={() => {
        void queries.invalidateQueries({ queryKey: KEYS });
        onClose();
      }}
      onClose={onClose}
    />
  );
}
