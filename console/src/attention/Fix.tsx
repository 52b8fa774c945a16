import { Button, Group } from "@mantine/core";
import { useSession } from "@/api/session";
import { placesFor } from "@/app/places";
import { CommandLine } from "@/components/CommandLine";
import { PlaceLink } from "@/components/PlaceLink";
import { texts } from "@/texts";
import type { Item } from "./attention";
import { helpPage } from "./help";

const words = texts.attention;

interface FixProps {
  item: Item;
  /** Opens what the button of an item does. */
  onFix: () => void;
}

/** What helps: a button where the API does it, the page where it is done, else the command. */
export function Fix({ item, onFix }: FixProps) {
  const { may } = useSession();
  const page = helpPage(item);
  const shown = page !== null && placesFor(may).some((place) => place.id === page.place);
  const verb = verbOf(item, may);
  return (
    <Group gap="sm">
      {verb !== null && (
        <Button variant="default" onClick={onFix}>
          {verb}
        </Button>
      )}
      {shown && <PlaceLink to={`~${page.path}`}>{page.words}</PlaceLink>}
      {verb === null && !shown && <CommandLine command={item.command} />}
    </Group>
  );
}

/** What the button says that does it, for a key that may; null where the API has none. */
function verbOf(item: Item, may: readonly string[]): string | null {
  const { kind, journey } = item;
  if (kind === "frozen") {
    return may.includes("admin") ? words.unfreeze : null;
  }
  if (journey === null || !may.includes("operate")) {
    return null;
  }
  switch (kind) {
    case "retrying":
      return words.retry;
    case "unknown":
    case "failed":
      return words.sendAgain;
    case "paused":
      return words.resume;
    default:
      return null;
  }
}
