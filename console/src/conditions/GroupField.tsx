import { NativeSelect } from "@mantine/core";
import { useRef } from "react";
import type { Path } from "@/builder/document/reading";
import type { Value } from "@/builder/document/values";
import { texts } from "@/texts";
import { AddCondition } from "./AddCondition";
import { groupPath, withMember, withoutMember, withQuantifier } from "./changing";
import { at } from "./comparing";
import classes from "./conditions.module.css";
import { useCondition } from "./context";
import { KeptParts } from "./KeptParts";
import { firstLine } from "./opening";
import { type Group, QUANTIFIERS, type Quantifier } from "./parts";
import { RemoveButton } from "./RemoveButton";
import { SentenceField } from "./SentenceField";
import { sentenceOf } from "./sentences";
import { sentenceText } from "./words";

const words = texts.conditions;

interface GroupFieldProps {
  group: Group;
  path: Path;
  onRemove?: () => void;
}

/** Several conditions, and how many of them have to hold. */
export function GroupField({ group, path, onRemove }: GroupFieldProps) {
  const { change, readOnly, setOpen, value } = useCondition();
  const quantifier = useRef<HTMLSelectElement>(null);
  function add(member: Value) {
    const next = withMember(value, group, member);
    const after = sentenceOf(at(next, groupPath(group)) ?? null, path);
    change(next);
    if (after.form === "group") {
      const place = [...after.at, after.items.length - 1];
      setOpen(firstLine(at(next, place) ?? null, place));
    }
  }
  return (
    <fieldset className={classes.group} aria-label={words.quantifiers[group.quantifier]}>
      <div className={classes.line}>
        <NativeSelect
          ref={quantifier}
          size="xs"
          aria-label={words.quantifier}
          value={group.quantifier}
          disabled={readOnly}
          data={QUANTIFIERS.map((each) => ({ value: each, label: words.quantifiers[each] }))}
          onChange={(event) =>
            change(withQuantifier(value, group, event.currentTarget.value as Quantifier))
          }
        />
        {!readOnly && onRemove !== undefined && (
          <RemoveButton what={sentenceText(group)} onRemove={onRemove} />
        )}
      </div>
      <div className={classes.members}>
        {group.items.map((item, place) => (
          <SentenceField
            // biome-ignore lint/suspicious/noArrayIndexKey: conditions have no names of their own.
            key={place}
            sentence={item}
            path={group.single ? group.at : [...group.at, place]}
            onRemove={() => {
              setOpen(null);
              change(withoutMember(value, group, place));
              quantifier.current?.focus();
            }}
          />
        ))}
        <KeptParts parts={group.kept} />
        {!readOnly && <AddCondition label={words.add} onAdd={add} />}
      </div>
    </fieldset>
  );
}
