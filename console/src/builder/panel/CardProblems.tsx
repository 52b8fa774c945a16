import { List, Text } from "@mantine/core";
import type { CardProblem } from "@/builder/graph/graphContext";
import { texts } from "@/texts";
import classes from "./panel.module.css";

/** What is wrong with the card that is chosen, and what would be right. */
export function CardProblems({ problems }: { problems: readonly CardProblem[] }) {
  if (problems.length === 0) {
    return null;
  }
  return (
    <List
      size="sm"
      listStyleType="none"
      aria-label={texts.builder.problems(problems.length)}
      aria-live="polite"
      className={classes.problems}
    >
      {problems.map(({ severity, message, hint }) => (
        <List.Item key={message} data-severity={severity}>
          {message}
          {hint !== null && (
            <Text size="xs" className="quiet">
              {hint}
            </Text>
          )}
        </List.Item>
      ))}
    </List>
  );
}
