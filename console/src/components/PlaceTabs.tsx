import { useEffect, useRef } from "react";
import { Link, useLocation } from "wouter";
import classes from "./PlaceTabs.module.css";

export interface PlaceTab {
  path: string;
  name: string;
}

/**
 * The parts of a page as links, so that each has an address. Paths are below the page's own. Where
 * they do not all fit, the one that is open is moved into view.
 */
export function PlaceTabs({ label, tabs }: { label: string; tabs: readonly PlaceTab[] }) {
  const [location] = useLocation();
  const row = useRef<HTMLElement>(null);
  // biome-ignore lint/correctness/useExhaustiveDependencies: the address says which one is open.
  useEffect(() => {
    const tabs = row.current;
    if (tabs === null) {
      return;
    }
    const show = () => {
      const open = tabs.querySelector<HTMLElement>("[aria-current]");
      if (open !== null) {
        const middle = open.offsetLeft - tabs.offsetLeft + open.offsetWidth / 2;
        tabs.scrollLeft = middle - tabs.clientWidth / 2;
      }
    };
    const observer = new ResizeObserver(show);
    observer.observe(tabs);
    show();
    return () => observer.disconnect();
  }, [location]);
  return (
    <nav ref={row} aria-label={label} className={classes.tabs}>
      {tabs.map(({ path, name }) => {
        const here = path === "/" ? location === "/" : location.startsWith(path);
        return (
          <Link key={path} to={path} aria-current={here ? "page" : undefined}>
            {name}
          </Link>
        );
      })}
    </nav>
  );
}
