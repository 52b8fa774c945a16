import { useEffect, useRef } from "react";

/** The part of the page below the header and beside the menu. */
export const CONTENT = "content";

/** A new page has the focus, unless a part of it has it already: a link in the menu keeps none. */
export function useFocusOnPage(location: string): void {
  const before = useRef(location);
  useEffect(() => {
    if (before.current === location) {
      return;
    }
    before.current = location;
    const frame = requestAnimationFrame(() => {
      const content = document.getElementById(CONTENT);
      const focused = document.activeElement;
      if (!content?.contains(focused) && !focused?.closest("[role=dialog]")) {
        content?.focus({ preventScroll: true });
      }
    });
    return () => cancelAnimationFrame(frame);
  }, [location]);
}
