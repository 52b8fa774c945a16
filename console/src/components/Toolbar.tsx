import type { ReactNode } from "react";
import { useRoving } from "./roving";
import classes from "./Toolbar.module.css";

interface ToolbarProps {
  label: string;
  /** Whether its buttons stand below each other. */
  vertical?: boolean;
  className?: string | undefined;
  children: ReactNode;
}

/** Buttons that belong together: one stop of the Tab key, and arrows from one to the next. */
export function Toolbar({ label, vertical = false, className, children }: ToolbarProps) {
  const roving = useRoving<HTMLDivElement>();
  return (
    <div
      {...roving}
      role="toolbar"
      aria-label={label}
      aria-orientation={vertical ? "vertical" : "horizontal"}
      className={className ?? classes.toolbar}
    >
      {children}
    </div>
  );
}
