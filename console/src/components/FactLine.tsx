import type { ReactNode } from "react";
import classes from "./FactList.module.css";

export interface NamedFact {
  name: string;
  value: ReactNode;
}

/** What is known of an object, in a line under its title: each fact after its name. */
export function FactLine({ facts }: { facts: readonly (NamedFact | null | false)[] }) {
  return (
    <dl className={classes.facts}>
      {facts
        .filter((fact) => fact !== null && fact !== false)
        .map(({ name, value }) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
    </dl>
  );
}
