import {
  Button,
  Group,
  NativeSelect,
  NumberInput,
  SegmentedControl,
  Text,
  Textarea,
  TextInput,
} from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { useMutation, useQuery } from "@tanstack/react-query";
import { useId, useState } from "react";
import { answerOf, api } from "@/api/client";
import type { Job } from "@/api/jobs";
import type { Model } from "@/api/models";
import { readValues } from "@/builder/trial/script";
import { useAddressChange, useFilter } from "@/components/filters";
import { JobProgress } from "@/components/JobProgress";
import { LoadingLine } from "@/components/LoadingLine";
import { ObjectLink } from "@/components/ObjectLink";
import { Page } from "@/components/Page";
import { ProblemNotice } from "@/components/ProblemNotice";
import { useActiveJourneys } from "@/contacts/actions/StartJourney";
import { useGroupKeys, useSegmentKeys } from "@/contacts/fields";
import { texts } from "@/texts";
import { BELOW } from "./hints";
import { idsOf } from "./ids";
import classes from "./imports.module.css";

const words = texts.imports.enter;
const PAUSE = 300;
const RATE = 200;
const SHOWN = 10;

type Who = keyof typeof words.whos;
type Preview = Model<"BulkPreview">;
type Start = Partial<Model<"BulkStart">>;

const WHO = ["group", "segment", "list"] as const satisfies readonly Who[];

/** Enters many contacts into a journey: those of a group, of a segment, or of a list. */
export function EnterMany() {
  const [journey, setJourney] = useFilter("journey");
  const [group] = useFilter("group");
  const [segment] = useFilter("segment");
  const [job, setJob] = useFilter("job");
  const change = useAddressChange();
  const offered = useId();
  const [who, setWho] = useState<Who>(segment !== "" ? "segment" : "group");
  const [typed, setTyped] = useState("");
  const [data, setData] = useState("");
  const [rate, setRate] = useState(RATE);
  const journeys = useActiveJourneys();
  const groups = useGroupKeys();
  const segments = useSegmentKeys();
  const read = readValues(data);
  const start = startOf(who, { group, segment, ids: idsOf(typed) });
  const order = start === null || !read.ok ? null : { ...start, properties: read.read, rate };
  const wanted = JSON.stringify(order);
  const [asked] = useDebouncedValue(wanted, PAUSE);
  const preview = useQuery({
    queryKey: ["enter-preview", journey, asked],
    queryFn: () => send(journey, JSON.parse(asked), true),
    enabled: journey !== "" && asked !== "null",
    staleTime: 0,
  });
  const begin = useMutation({
    mutationFn: () => send(journey, order ?? {}, false),
    onSuccess: (begun) => setJob("id" in begun ? begun.id : null),
  });
  const name = journeys.find((each) => each.key === journey)?.name ?? journey;
  const counted = preview.data !== undefined && "enter" in preview.data ? preview.data : null;
  const ready = preview.data !== undefined && asked === wanted && counted?.enter !== 0;
  return (
    <Page title={words.title}>
      <SegmentedControl
        aria-label={words.who}
        value={who}
        data={WHO.map((value) => ({ value, label: words.whos[value] }))}
        onChange={(next) => setWho(WHO.find((each) => each === next) ?? who)}
      />
      <div className={classes.fields}>
        {who === "list" ? (
          <Textarea
            label={words.list}
            description={words.listHint}
            inputWrapperOrder={BELOW}
            autosize
            minRows={3}
            maxRows={12}
            value={typed}
            onChange={(event) => setTyped(event.currentTarget.value)}
          />
        ) : (
          <>
            <TextInput
              label={words[who]}
              value={who === "group" ? group : segment}
              list={offered}
              onChange={(event) => change({ [who]: event.currentTarget.value })}
            />
            <datalist id={offered}>
              {(who === "group" ? groups : segments).map((each) => (
                <option key={each} value={each} />
              ))}
            </datalist>
          </>
        )}
        <NativeSelect
          label={words.journey}
          value={journey}
          data={[
            { value: "", label: journeys.length === 0 ? words.none : words.choose },
            ...journeys.map((each) => ({ value: each.key, label: each.name ?? each.key })),
          ]}
          onChange={(event) => setJourney(event.currentTarget.value || null)}
        />
        <Textarea
          label={words.data}
          description={texts.acting.start.dataHint}
          inputWrapperOrder={BELOW}
          autosize
          minRows={1}
          value={data}
          error={read.ok ? undefined : texts.acting.start.wrongData(read.wrong.line)}
          onChange={(event) => setData(event.currentTarget.value)}
        />
        <NumberInput
          label={words.rate}
          value={rate}
          min={1}
          max={10_000}
          onChange={(value) => typeof value === "number" && value > 0 && setRate(value)}
        />
      </div>
      <div aria-live="polite">
        {order === null || journey === "" ? (
          <Text className="quiet">{words.first}</Text>
        ) : preview.isError ? (
          <ProblemNotice error={preview.error} />
        ) : preview.data === undefined ? (
          <LoadingLine />
        ) : counted !== null ? (
          <Counted preview={counted} journey={name} />
        ) : (
          "id" in preview.data && (
            <>
              <Text>{words.counting}</Text>
              <JobProgress id={preview.data.id} />
            </>
          )
        )}
      </div>
      <Button
        mt="md"
        disabled={!ready || preview.isError}
        loading={begin.isPending}
        onClick={() => begin.mutate()}
      >
        {words.confirm(counted?.enter ?? null)}
      </Button>
      {begin.isError && <ProblemNotice error={begin.error} />}
      {job !== "" && (
        <section aria-label={words.title} className={classes.job}>
          <JobProgress id={job} />
        </section>
      )}
    </Page>
  );
}

interface Named {
  group: string;
  segment: string;
  ids: string[];
}

function startOf(who: Who, { group, segment, ids }: Named): Start | null {
  switch (who) {
    case "group":
      return group === "" ? null : { group };
    case "segment":
      return segment === "" ? null : { segment };
    case "list":
      return ids.length === 0 ? null : { contacts: ids };
  }
}

async function send(journey: string, start: Start, preview: boolean): Promise<Preview | Job> {
  return (await answerOf(
    api.POST("/v1/journeys/{key}/runs/bulk", {
      params: { path: { key: journey }, query: { preview } },
      body: { properties: {}, ...start },
    }),
  )) as Preview | Job;
}

/** How many would enter, how many would not and why, and some of the first. */
function Counted({ preview, journey }: { preview: Preview; journey: string }) {
  const { enter, refused, reasons, unknown, sample } = preview;
  return (
    <>
      <Text fw={600}>{words.enters(enter, journey)}</Text>
      {Object.entries(refused).map(([code, count]) => (
        <Text key={code}>{words.refused(count, reasons[code] ?? code)}</Text>
      ))}
      {unknown > 0 && <Text>{words.unknown(unknown)}</Text>}
      {sample.length > 0 && (
        <Group gap="sm" mt="xs">
          <span className="quiet">{words.sample}</span>
          {sample.slice(0, SHOWN).map((each) => (
            <ObjectLink key={each} place="contacts" id={each} />
          ))}
        </Group>
      )}
    </>
  );
}
