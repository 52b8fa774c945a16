import { type ReactNode, useEffect, useState } from "react";
import { createPortal } from "react-dom";
import { texts } from "@/texts";

const PLACE = "skips";

/** At the start of each page: links that lead past the menu. */
export function SkipPlace() {
  return (
    <div id={PLACE}>
      <a href="#content" className="skip">
        {texts.shell.skip}
      </a>
    </div>
  );
}

interface SkipLinkProps {
  /** The part of the page that it leads to, by its id. */
  to: string;
  onFollow: () => void;
  children: ReactNode;
}

/** One more link at the start of the page, while the part that it leads to is shown. */
export function SkipLink({ to, onFollow, children }: SkipLinkProps) {
  const [place, setPlace] = useState<Element | null>(null);
  useEffect(() => setPlace(document.getElementById(PLACE)), []);
  return (
    place !== null &&
    createPortal(
      <a
        href={`#${to}`}
        className="skip"
        onClick={(event) => {
          event.preventDefault();
          onFollow();
        }}
      >
        {children}
      </a>,
      place,
    )
  );
}
