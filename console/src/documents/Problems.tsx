import { List } from "@mantine/core";
import type { TextProblem } from "@/builder/text/CodeEditor";
import { Marked } from "@/components/Marked";
import { texts } from "@/texts";
import classes from "./documents.module.css";

const words = texts.documents;

interface ProblemsProps {
  text: string;
  problems: readonly TextProblem[];
  /** Called with a problem, to show its place in the text. */
  onShow: (problem: TextProblem) => void;
}

/** The problems of a text, each a button that leads to its place. */
export function Problems({ text, problems, onShow }: ProblemsProps) {
  if (problems.length === 0) {
    return null;
  }
  return (
    <List
      size="sm"
      listStyleType="none"
      aria-label={words.problems(problems.length)}
      className={classes.problems}
    >
      {problems.map((problem) => (
        <List.Item key={`${problem.from} ${problem.message}`}>
          <button type="button" data-severity={problem.severity} onClick={() => onShow(problem)}>
            <Marked
              words={words.problem(text.slice(0, problem.from).split("\n").length, problem.message)}
            />
          </button>
        </List.Item>
      ))}
    </List>
  );
}
