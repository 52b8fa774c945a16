import { Group } from "@mantine/core";
import { useSession } from "@/api/session";
import { placesFor } from "@/app/places";
import { CommandLine } from "@/components/CommandLine";
import { PlaceLink } from "@/components/PlaceLink";
import type { Item } from "./attention";
import { ResumeFix, RetryFix, UnfreezeFix } from "./fixes";
import { helpPage } from "./help";

/** What helps: a button where the API does it, the page where it is done, else the command. */
export function Fix({ item }: { item: Item }) {
  const { may } = useSession();
  const page = helpPage(item);
  const shown = page !== null && placesFor(may).some((place) => place.id === page.place);
  const acts = buttonOf(item, may);
  return (
    <Group gap="sm">
      {acts}
      {shown && <PlaceLink to={`~${page.path}`}>{page.words}</PlaceLink>}
      {acts === null && !shown && <CommandLine command={item.command} />}
    </Group>
  );
}

/** The button that does it, for a key that may; null where the API has none. */
function buttonOf(item: Item, may: readonly string[]) {
  const { kind, journey } = item;
  if (kind === "frozen") {
    return may.includes("admin") ? <UnfreezeFix item={item} /> : null;
  }
  if (journey === null || !may.includes("operate")) {
    return null;
  }
  switch (kind) {
    case "retrying":
    case "unknown":
    case "failed":
      return <RetryFix item={item} journey={journey} />;
    case "paused":
      return <ResumeFix journey={journey} held={item.count} />;
    default:
      return null;
  }
}
