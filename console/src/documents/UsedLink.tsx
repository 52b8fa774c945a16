import type { ReactNode } from "react";
import { PlaceLink } from "@/components/PlaceLink";
import { texts } from "@/texts";

/**
 * What uses a thing in words, as a link from its list to the page that names each of them; the dash
 * alone for none, which a narrow list leaves out.
 */
export function usedLink(thing: string, words: string): ReactNode {
  return words === texts.parts.none ? (
    words
  ) : (
    <PlaceLink to={`/${encodeURIComponent(thing)}/uses`}>{words}</PlaceLink>
  );
}
