import { useDebouncedValue } from "@mantine/hooks";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { answerOf, api } from "@/api/client";
import type { Model } from "@/api/models";
import { cardOf, sourcePath } from "@/builder/document/locations";
import type { Outline } from "@/builder/document/outline";
import type { JourneyText, SourceDocument } from "@/builder/document/reading";
import { texts } from "@/texts";
import { type EngineWords, NO_WORDS, placeKey } from "./graph/cardWords";
import type { CardProblem } from "./graph/graphContext";
import type { TextProblem } from "./text/CodeEditor";

type Described = Model<"DescribedDocument">;

/** Milliseconds after the last change until the server is asked. */
const PAUSE = 250;

/** What the server says of a text: its words, and its problems. */
export function useDescription(text: string) {
  const [asked] = useDebouncedValue(text, PAUSE);
  return useQuery({
    queryKey: ["describe", asked],
    queryFn: () => answerOf(api.POST("/v1/documents/describe", { body: { text: asked } })),
    placeholderData: keepPreviousData,
    staleTime: 30_000,
    gcTime: 60_000,
    enabled: asked.trim() !== "",
  });
}

type DescribedStep = Described["steps"][number];

/** What a step does; of a message, what it is about and under which topic it is sent. */
export function wordsOf(step: DescribedStep): string {
  const about = step.subject ?? step.template;
  const said =
    about === null ? (step.words ?? "") : [`“${about}”`, step.topic].filter(Boolean).join(" · ");
  return step.condition === null ? said : `${said} · ${texts.builder.onlyIf(step.condition)}`;
}

/** The engine's words for the cards. */
export function useWords(described: Described | undefined): EngineWords {
  return useMemo(() => {
    if (described === undefined) {
      return NO_WORDS;
    }
    const places = new Map<string, string>();
    for (const step of described.steps) {
      if (step.words !== null) {
        places.set(placeKey(step.path), wordsOf(step));
      }
      for (const way of step.ways) {
        if (way.words !== null) {
          places.set(placeKey(way.path), way.words);
        }
      }
    }
    return {
      places,
      entries: described.entry_words,
      exits: described.exit_words,
      goal: described.goal_words,
    };
  }, [described]);
}

/** The problems of each card, by its key. */
export function problemsOfCards(
  file: JourneyText,
  outline: Outline,
  problems: Described["problems"],
): ReadonlyMap<string, readonly CardProblem[]> {
  const found = new Map<string, CardProblem[]>();
  for (const problem of problems) {
    const key = cardOf(outline, sourcePath(file, outline.document, problem.path));
    found.set(key, [...(found.get(key) ?? []), problem]);
  }
  return found;
}

/** The problems in the text of a document, by offsets of the file. */
export function problemsInText(
  document: SourceDocument,
  problems: Described["problems"],
): readonly TextProblem[] {
  const lines = [0];
  for (const match of document.text.matchAll(/\n/g)) {
    lines.push((match.index ?? 0) + 1);
  }
  const offset = (line: number, column: number) =>
    document.from + (lines[Math.min(line, lines.length) - 1] ?? 0) + column - 1;
  return problems.map((problem) => ({
    from: offset(problem.line, problem.column),
    to: offset(problem.end_line, problem.end_column),
    severity: problem.severity,
    message: problem.hint === null ? problem.message : `${problem.message}\n${problem.hint}`,
  }));
}
