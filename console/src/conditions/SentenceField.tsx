import { Text } from "@mantine/core";
import type { Path } from "@/builder/document/reading";
import { texts } from "@/texts";
import classes from "./conditions.module.css";
import { useCondition } from "./context";
import { GroupField } from "./GroupField";
import { LineField } from "./LineField";
import type { Sentence } from "./parts";
import { RemoveButton } from "./RemoveButton";
import { sentenceText } from "./words";

interface SentenceFieldProps {
  sentence: Sentence;
  path: Path;
  onRemove?: () => void;
}

/** A condition of any form: a line, a group, or text that has no fields. */
export function SentenceField({ sentence, path, onRemove }: SentenceFieldProps) {
  const { readOnly } = useCondition();
  switch (sentence.form) {
    case "group":
      return <GroupField group={sentence} path={path} {...(onRemove ? { onRemove } : {})} />;
    case "line":
      return <LineField line={sentence} path={path} {...(onRemove ? { onRemove } : {})} />;
    case "text":
      return (
        <div className={classes.line}>
          <div className={classes.said}>
            <pre className={classes.kept}>{JSON.stringify(sentence.value, null, 2)}</pre>
            <Text size="xs" className="quiet">
              {texts.conditions.keptAsText}
            </Text>
          </div>
          {!readOnly && onRemove !== undefined && (
            <RemoveButton what={sentenceText(sentence)} onRemove={onRemove} />
          )}
        </div>
      );
  }
}
