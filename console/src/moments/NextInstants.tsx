import { Text } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { answerOf, api } from "@/api/client";
import type { Model } from "@/api/models";
import type { Value } from "@/builder/document/values";
import { texts } from "@/texts";
import { localWords } from "./localWords";

const words = texts.moments;

/** Milliseconds after the last change until the server is asked. */
const PAUSE = 300;

interface NextInstantsProps {
  of: Model<"WrittenTime">["of"];
  value: Value;
  /** Of a time of day: on which days. */
  days?: Value | undefined;
  /** The zone in which it is seen; UTC without one. */
  timezone: string | null;
}

/** When a moment, hours or a schedule comes next, as the engine reckons; or what would be right. */
export function NextInstants({ of, value, days, timezone }: NextInstantsProps) {
  const written = JSON.stringify({ of, value, days: days ?? null, timezone });
  const [asked] = useDebouncedValue(written, PAUSE);
  const found = useQuery({
    queryKey: ["instants", asked],
    queryFn: ({ signal }) =>
      answerOf(
        api.POST("/v1/documents/instants", {
          body: { ...(JSON.parse(asked) as Model<"WrittenTime">), limit: 3 },
          signal,
        }),
      ),
    placeholderData: keepPreviousData,
    staleTime: 60_000,
    retry: false,
  });
  if (found.data === undefined) {
    return null;
  }
  const { items, problem, timezone: zone } = found.data;
  const said = items.map((each) => localWords(each.local, each.until));
  return (
    <Text size="xs" className="quiet" role="status">
      {problem ?? (said.length === 0 ? words.noneToCome : words.comes(said.join("; "), zone))}
    </Text>
  );
}
