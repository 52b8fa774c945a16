/** What validation says of steps, without the places of a file: for people who see the graph. */

import { ApiProblem } from "@/api/problems";

/** A warning as a file has it: `welcome.yaml:7: warning: [tip] words`. */
const IN_FILE = /^\S+:\d+: (?:warning: )?(?:\[([^\]]+)\] )?/;

/** A line of validation that begins with the step that it is about, if it is about one. */
export function saidOfStep(line: string): string {
  return line.replace(IN_FILE, (_, step: string | undefined) =>
    step === undefined ? "" : `${step}: `,
  );
}

/** The problems for which a text was refused, one a line; none of an error of another kind. */
export function refusedLines(error: unknown): readonly string[] {
  if (!(error instanceof ApiProblem) || !Array.isArray(error.body.errors)) {
    return [];
  }
  return (error.body.errors as readonly unknown[]).flatMap((each) => {
    const text = typeof each === "object" && each !== null && "text" in each ? each.text : null;
    return typeof text === "string" ? [saidOfStep(text)] : [];
  });
}
