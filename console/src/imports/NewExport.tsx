import { Button, Checkbox, Group, Text, TextInput } from "@mantine/core";
import { useMutation, useQuery } from "@tanstack/react-query";
import { useId, useState } from "react";
import { answerOf, api } from "@/api/client";
import { useJob } from "@/api/jobs";
import type { Model } from "@/api/models";
import { useAddressChange, useFilter } from "@/components/filters";
import { JobProgress } from "@/components/JobProgress";
import { Page } from "@/components/Page";
import { ProblemNotice } from "@/components/ProblemNotice";
import { useGroupKeys, useSegmentKeys } from "@/contacts/fields";
import { texts } from "@/texts";
import { Choices } from "./Choices";
import classes from "./imports.module.css";

const words = texts.imports.exporting;

type Order = Model<"ExportBody">;
type Who = keyof typeof words.whos;

/** An export of contacts, or of what belongs to them, into a file. */
export function NewExport() {
  const [segment] = useFilter("segment");
  const [group] = useFilter("group");
  const [job, setJob] = useFilter("job");
  const change = useAddressChange();
  const list = useId();
  const [what, setWhat] = useState<Order["what"]>("contacts");
  const [format, setFormat] = useState<Order["format"]>("csv");
  const [spreadsheet, setSpreadsheet] = useState(false);
  const [chosen, setChosen] = useState<Who>(
    segment !== "" ? "segment" : group !== "" ? "group" : "all",
  );
  const segments = useSegmentKeys();
  const groups = useGroupKeys();
  // Suppressed addresses belong to no contact.
  const who = what === "suppressions" ? "all" : chosen;
  const key = who === "segment" ? segment : who === "group" ? group : null;
  const members = useMembers(who === "segment" && segments.includes(segment) ? segment : null);
  const begin = useMutation({
    mutationFn: () =>
      answerOf(
        api.POST("/v1/contacts/export", {
          body: {
            what,
            format,
            spreadsheet: format === "csv" && spreadsheet,
            ...(key === null ? {} : { [who]: key }),
          },
        }),
      ),
    onSuccess: (begun) => setJob(begun.id),
  });
  const whom =
    who === "segment"
      ? words.ofSegment(segment, members)
      : who === "group"
        ? words.ofGroup(group)
        : words.ofAll;
  return (
    <Page title={words.title}>
      <div className={classes.fields}>
        <Choices label={words.what} value={what} options={texts.imports.whats} onChange={setWhat} />
        <Choices label={words.format} value={format} options={words.formats} onChange={setFormat} />
        {what !== "suppressions" && (
          <Choices label={words.who} value={who} options={words.whos} onChange={setChosen} />
        )}
        {(who === "segment" || who === "group") && (
          <>
            <TextInput
              label={words[who]}
              value={key ?? ""}
              list={list}
              onChange={(event) => change({ [who]: event.currentTarget.value })}
              required
            />
            <datalist id={list}>
              {(who === "segment" ? segments : groups).map((each) => (
                <option key={each} value={each} />
              ))}
            </datalist>
          </>
        )}
      </div>
      {format === "csv" && (
        <Checkbox
          label={words.spreadsheet}
          checked={spreadsheet}
          onChange={(event) => setSpreadsheet(event.currentTarget.checked)}
          mb="md"
        />
      )}
      <Text aria-live="polite" mb="sm">
        {key === "" ? words.missing : words.words(texts.imports.whats[what], whom)}
      </Text>
      <Button disabled={key === ""} loading={begin.isPending} onClick={() => begin.mutate()}>
        {words.confirm}
      </Button>
      {begin.isError && <ProblemNotice error={begin.error} />}
      {job !== "" && <Export job={job} />}
    </Page>
  );
}

/** The job of an export, and its file once it is written. */
function Export({ job }: { job: string }) {
  const done = useJob(job).data?.state === "done";
  return (
    <section aria-label={words.title} className={classes.job}>
      <JobProgress id={job} />
      {done && (
        <Group mt="sm">
          <Button component="a" href={`/v1/jobs/${job}/file`} download>
            {words.download}
          </Button>
        </Group>
      )}
    </section>
  );
}

/** How many members a segment has; null while that is not known. */
export function useMembers(segment: string | null): number | null {
  const read = useQuery({
    queryKey: ["segment", segment],
    queryFn: () =>
      answerOf(api.GET("/v1/segments/{key}", { params: { path: { key: segment ?? "" } } })),
    enabled: segment !== null,
  });
  return read.data?.members ?? null;
}
