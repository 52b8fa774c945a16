import { List, Text } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { answerOf, api } from "@/api/client";
import type { Model } from "@/api/models";
import { wordsOf } from "@/api/problems";
import { useMay } from "@/api/session";
import type { Value } from "@/builder/document/values";
import { ContactLink } from "@/components/ContactLink";
import { texts } from "@/texts";
import { uncountable } from "./countable";
import type { Sentence } from "./parts";

const words = texts.conditions;

/** Milliseconds after the last change until the contacts are counted. */
const PAUSE = 600;

type Counted = Model<"SegmentPreviewBody"> | { readonly mistake: string };

/** How many contacts a condition has now, and some of them; nothing is saved. */
async function count(condition: string, signal: AbortSignal): Promise<Counted> {
  // What has a mistake is not counted: the mistake is said in its place.
  const text = `{"segment": "preview", "if": ${condition}}`;
  const said = await answerOf(api.POST("/v1/documents/describe", { body: { text }, signal }));
  const mistake = said.problems.find((problem) => problem.severity === "error");
  if (mistake !== undefined) {
    return { mistake: [mistake.message, mistake.hint].filter(Boolean).join("; ") };
  }
  const body = { if: JSON.parse(condition) as unknown };
  return await answerOf(api.POST("/v1/segments/preview", { body: body as never, signal }));
}

interface MatchesProps {
  value: Value;
  sentence: Sentence;
}

/** How many contacts match now, with some of them; or why that cannot be said. */
export function Matches({ value, sentence }: MatchesProps) {
  const mayRead = useMay("read");
  const why = uncountable(sentence);
  const written = JSON.stringify(value);
  const [asked] = useDebouncedValue(written, PAUSE);
  const found = useQuery({
    queryKey: ["matches", asked],
    queryFn: ({ signal }) => count(asked, signal),
    enabled: mayRead && why === null && asked === written,
    placeholderData: keepPreviousData,
    staleTime: 30_000,
    retry: false,
  });
  if (why !== null || !mayRead) {
    return (
      <Text size="xs" className="quiet" role="status">
        {why === null ? words.noScope : words.uncountable[why]}
      </Text>
    );
  }
  if (found.isError) {
    return (
      <Text size="xs" className="quiet" role="status">
        {words.notCounted(wordsOf(found.error))}
      </Text>
    );
  }
  if (found.data === undefined) {
    return (
      <Text size="xs" className="quiet" role="status">
        {words.counting}
      </Text>
    );
  }
  if ("mistake" in found.data) {
    return (
      <Text size="xs" className="quiet" role="status">
        {words.notCounted(found.data.mistake)}
      </Text>
    );
  }
  const { count: matches, sample } = found.data;
  return (
    <div>
      <Text size="xs" role="status">
        {words.matches(matches)}
      </Text>
      {sample.length > 0 && (
        <details>
          <summary className="quiet">{words.sample}</summary>
          <List size="xs">
            {sample.map((each) => (
              <List.Item key={each.contact}>
                <ContactLink contact={each.contact} />
              </List.Item>
            ))}
          </List>
        </details>
      )}
    </div>
  );
}
