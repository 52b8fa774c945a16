import { Button, Group } from "@mantine/core";
import { answerOf, api } from "@/api/client";
import type { Model } from "@/api/models";
import { Choice } from "@/components/Choice";
import { FactList } from "@/components/FactList";
import { useFilter } from "@/components/filters";
import { Instant } from "@/components/Instant";
import { useListing } from "@/components/Listing";
import { LoadingLine } from "@/components/LoadingLine";
import { ProblemNotice } from "@/components/ProblemNotice";
import { texts } from "@/texts";
import classes from "./Timeline.module.css";

const words = texts.contacts.timeline;

type Entry = Model<"TimelineBody">;
type EntryType = Entry["type"];

const TYPES = Object.entries(words.types).map(([value, label]) => ({ value, label }));

function isType(text: string): text is EntryType {
  return text in words.types;
}

/** All that happened to a contact, the newest first. */
export function Timeline({ contact }: { contact: string }) {
  const [type, setType] = useFilter("type");
  const entries = useListing<Entry>(["timeline", contact, type], (cursor) =>
    answerOf(
      api.GET("/v1/contacts/{contact}/timeline", {
        params: {
          path: { contact },
          query: {
            limit: 50,
            ...(isType(type) ? { type } : {}),
            ...(cursor === undefined ? {} : { cursor }),
          },
        },
      }),
    ),
  );
  const rows = entries.data?.pages.flatMap((page) => page.items);
  return (
    <>
      <Group mb="sm">
        <Choice
          label={words.type}
          any={words.anyType}
          value={type}
          options={TYPES}
          onChange={setType}
        />
      </Group>
      {entries.isError && <ProblemNotice error={entries.error} retry={() => entries.refetch()} />}
      {rows === undefined ? (
        !entries.isError && <LoadingLine />
      ) : rows.length === 0 ? (
        <p className="quiet">{words.empty}</p>
      ) : (
        <ol className={classes.timeline}>
          {rows.map((entry, index) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: entries have no id, and none moves.
            <li key={`${entry.at} ${index}`}>
              <span className={classes.time}>
                <Instant at={entry.at} />
              </span>
              <span className={classes.words}>
                {entry.sentence}
                <Details entry={entry} />
              </span>
            </li>
          ))}
        </ol>
      )}
      {entries.hasNextPage && (
        <Button
          variant="default"
          mt="sm"
          loading={entries.isFetchingNextPage}
          onClick={() => entries.fetchNextPage()}
        >
          {texts.parts.more}
        </Button>
      )}
    </>
  );
}

function Details({ entry }: { entry: Entry }) {
  if (Object.keys(entry.details).length === 0) {
    return null;
  }
  return (
    <details>
      <summary className="quiet">{words.details}</summary>
      <FactList facts={entry.details} />
    </details>
  );
}
