import type { ReactNode } from "react";
import classes from "./FigureLine.module.css";

export interface NamedFigure {
  name: string;
  value: ReactNode;
}

/** Figures in a row, each over its name, parted by hairlines. */
export function FigureLine({ figures }: { figures: readonly NamedFigure[] }) {
  return (
    <dl className={classes.line}>
      {figures.map(({ name, value }) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}
