import { ObjectLink } from "@/components/ObjectLink";
import { ShortId } from "@/components/ShortId";
import { texts } from "@/texts";
import type { Item, Kind } from "./attention";

/** The kinds whose examples are ids of objects with a page. */
const PLACES: Partial<Record<Kind, "runs" | "jobs">> = {
  retrying: "runs",
  stuck: "runs",
  paused: "runs",
  jobs: "jobs",
};
/** The kinds whose examples are ids of messages, which stand in the list that helps. */
const MESSAGES: readonly Kind[] = ["failed", "unknown", "providers"];
const ID = /^[0-9a-f-]{36}$/;

/** One of the things, as the link to its page where it has one. */
export function Example({ item }: { item: Item }) {
  if (item.example === null || MESSAGES.includes(item.kind)) {
    return <>{texts.parts.none}</>;
  }
  const place = PLACES[item.kind];
  const shown = ID.test(item.example) ? <ShortId id={item.example} /> : <code>{item.example}</code>;
  return place === undefined ? (
    shown
  ) : (
    <ObjectLink place={place} id={item.example}>
      {shown}
    </ObjectLink>
  );
}
