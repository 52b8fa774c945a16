import { authorOf, useFreezes } from "@/health/useFreezes";
import { texts } from "@/texts";
import type { Item } from "./attention";
import { reasonOf } from "./sentences";

const words = texts.attention;

/** Why it needs a person: in words, with what a provider said, or with who froze it. */
export function Reason({ item }: { item: Item }) {
  const reason = reasonOf(item);
  return (
    <>
      {item.kind === "frozen" ? (
        <FrozenBy item={item} />
      ) : (
        <span title={item.reason ?? undefined}>{reason ?? texts.parts.none}</span>
      )}
      {item.detail !== null && <div className="quiet">{words.says(item.detail)}</div>}
    </>
  );
}

function FrozenBy({ item }: { item: Item }) {
  const freeze = useFreezes().find(
    (each) => each.channel === item.subject && each.frozen_at === item.since,
  );
  return freeze === undefined ? item.reason : words.frozenBy(authorOf(freeze), freeze.reason);
}
