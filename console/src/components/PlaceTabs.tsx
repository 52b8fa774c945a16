import { Link, useLocation } from "wouter";
import classes from "./PlaceTabs.module.css";

export interface PlaceTab {
  path: string;
  name: string;
}

/** The parts of a page as links, so that each has an address. Paths are below the page's own. */
export function PlaceTabs({ label, tabs }: { label: string; tabs: readonly PlaceTab[] }) {
  const [location] = useLocation();
  return (
    <nav aria-label={label} className={classes.tabs}>
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
