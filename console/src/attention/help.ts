import type { Place } from "@/app/places";
import { withQuery } from "@/components/addresses";
import { texts } from "@/texts";
import type { Item } from "./attention";

const { open } = texts.attention;

/** A page on which something that needs a person is seen or mended. */
export interface HelpPage {
  place: Place["id"];
  path: string;
  words: string;
}

/** The page that helps; null if the console has none of this kind. */
export function helpPage(item: Item): HelpPage | null {
  const { journey, step, reason, example } = item;
  switch (item.kind) {
    case "retrying":
      return runsPage({ journey, step, held: "retry" });
    case "stuck":
      return runsPage({ journey, state: "stuck" });
    case "paused":
      return runsPage({ journey, held: "paused" });
    case "frozen":
      return runsPage({ held: "frozen" });
    case "failed":
    case "unknown":
      return messagesPage(item);
    case "providers":
      return runsPage({ held: "retry", code: reason });
    case "jobs":
      return example === null ? null : { place: "jobs", path: `/jobs/${example}`, words: open.job };
    case "rejected":
      return {
        place: "log",
        path: withQuery("/log/rejected", { code: reason }),
        words: open.log,
      };
    case "dead_events":
      return { place: "log", path: withQuery("/log/dead", { code: reason }), words: open.dead };
    case "faults":
      return faultsPage({ code: reason });
    case "set_aside":
      return faultsPage({});
    case "behind":
      return { place: "health", path: "/health", words: open.health };
    case "keys":
      return { place: "keys", path: "/keys", words: open.keys };
    default:
      return null;
  }
}

/** The messages of a step with the status of the item's kind. */
function messagesPage({ kind, journey, step }: Item): HelpPage | null {
  if (journey === null) {
    return null;
  }
  const status = kind === "unknown" ? "unknown" : "refused";
  return {
    place: "journeys",
    path: withQuery(`/journeys/${encodeURIComponent(journey)}/messages`, { step, status }),
    words: open.messages,
  };
}

function runsPage(filters: Readonly<Record<string, string | null>>): HelpPage {
  return { place: "runs", path: withQuery("/runs", filters), words: open.runs };
}

function faultsPage(filters: Readonly<Record<string, string | null>>): HelpPage {
  return { place: "health", path: withQuery("/health/faults", filters), words: open.faults };
}
