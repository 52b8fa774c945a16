import classes from "./FactList.module.css";
import { factsOf } from "./facts";
import { Marked } from "./Marked";

/** Facts with their names, in the order of the record; nothing if there are none. */
export function FactList({ facts }: { facts: Readonly<Record<string, unknown>> }) {
  const found = factsOf(facts);
  if (found.length === 0) {
    return null;
  }
  return (
    <dl className={classes.facts}>
      {found.map(({ name, value }) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>
            <Marked words={value} />
          </dd>
        </div>
      ))}
    </dl>
  );
}
