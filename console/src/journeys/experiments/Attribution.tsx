import { Button, Group, Text, TextInput, Title } from "@mantine/core";
import { useMutation, useQuery } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { answerOf, api } from "@/api/client";
import { isOpen, useJob } from "@/api/jobs";
import type { Model } from "@/api/models";
import { ApiProblem } from "@/api/problems";
import { Choice } from "@/components/Choice";
import { csvOf, saveFile } from "@/components/csv";
import { type Column, DataTable } from "@/components/DataTable";
import { FigureLine } from "@/components/FigureLine";
import { figure } from "@/components/figures";
import { useAddressChange, useFilter, useFilters } from "@/components/filters";
import { JobProgress } from "@/components/JobProgress";
import { LoadingLine } from "@/components/LoadingLine";
import { ProblemNotice } from "@/components/ProblemNotice";
import { Section } from "@/components/Section";
import { texts } from "@/texts";
import { amount, rate } from "./numbers";

const words = texts.experiments;
const FILTERS = ["event", "value", "model", "by", "touch", "within"] as const;
const WINDOW = "7d";
const SOON = 2_000;

type Answer = Model<"Attribution">;
type Body = Model<"AskedAttribution">;
/** What is asked in an address too, where there is no null. */
type Asked = { [Name in keyof Body]: Exclude<Body[Name], null> };
type OfCurrency = Answer["currencies"][number];
type Credit = OfCurrency["rows"][number];
type Filters = Record<(typeof FILTERS)[number], string>;

interface Period {
  from?: string | undefined;
  to?: string | undefined;
}

function questionOf(filters: Filters, { from, to }: Period): Asked {
  const some = (name: keyof Filters) => (filters[name] === "" ? {} : { [name]: filters[name] });
  return {
    ...some("event"),
    ...some("value"),
    ...some("touch"),
    model: (filters.model || "last") as Asked["model"],
    by: (filters.by || "message") as Asked["by"],
    window: filters.within || WINDOW,
    ...(from === undefined ? {} : { from }),
    ...(to === undefined ? {} : { to }),
  };
}

interface AttributionProps {
  /** The journey whose rows are marked. */
  journey: string;
  period: Period;
}

/** Which messages led to conversions: asked for by a form, as it goes through many events. */
export function Attribution({ journey, period }: AttributionProps) {
  const filters = useFilters(FILTERS);
  const [shown, setShown] = useFilter("attribution");
  const question = questionOf(filters, period);
  return (
    <Section title={words.attribution} line={words.attributionHint}>
      <AttributionForm filters={filters} onShow={() => setShown("1")} />
      {shown !== "" && (
        <Answered key={JSON.stringify(question)} journey={journey} question={question} />
      )}
    </Section>
  );
}

function options(names: Readonly<Record<string, string>>, usual: string) {
  return Object.entries(names)
    .filter(([value]) => value !== usual)
    .map(([value, label]) => ({ value, label }));
}

function AttributionForm({ filters, onShow }: { filters: Filters; onShow: () => void }) {
  const change = useAddressChange();
  const [event, setEvent] = useState(filters.event);
  const [value, setValue] = useState(filters.value);
  const [within, setWithin] = useState(filters.within);
  const coupons = filters.by === "coupon";
  const touches = Object.fromEntries(
    Object.entries(words.touches).filter(
      ([touch]) => (touch === "drawn" || touch === "redeemed") === coupons,
    ),
  );
  const usual = coupons ? "drawn" : "clicked";
  function submit(submitted: FormEvent) {
    submitted.preventDefault();
    change({ event: event.trim(), value: value.trim(), within: within.trim(), attribution: "1" });
    onShow();
  }
  return (
    <form onSubmit={submit}>
      <Group gap="sm" align="end" mb="sm">
        <TextInput
          label={words.event}
          placeholder={words.goals}
          value={event}
          onChange={(typed) => setEvent(typed.currentTarget.value)}
        />
        <TextInput
          w={120}
          label={words.valueOf}
          placeholder="total"
          value={value}
          onChange={(typed) => setValue(typed.currentTarget.value)}
        />
        <TextInput
          w={72}
          label={words.window}
          placeholder={WINDOW}
          value={within}
          onChange={(typed) => setWithin(typed.currentTarget.value)}
        />
        <Choice
          label={words.model}
          any={words.models.last}
          value={filters.model}
          options={options(words.models, "last")}
          onChange={(model) => change({ model })}
        />
        <Choice
          label={words.by}
          any={words.bys.message}
          value={filters.by}
          options={options(words.bys, "message")}
          onChange={(by) => change({ by, touch: null })}
        />
        <Choice
          label={words.touch}
          any={words.touches[usual]}
          value={filters.touch}
          options={options(touches, usual)}
          onChange={(touch) => change({ touch })}
        />
        <Button type="submit" variant="default">
          {words.show}
        </Button>
      </Group>
    </form>
  );
}

function Answered({ journey, question }: { journey: string; question: Asked }) {
  const found = useQuery({
    queryKey: ["attribution", question],
    queryFn: () => answerOf(api.GET("/v1/attribution", { params: { query: question } })),
    retry: false,
    staleTime: 60_000,
    refetchOnWindowFocus: false,
  });
  const begin = useMutation({
    mutationFn: () => answerOf(api.POST("/v1/attribution", { body: question })),
  });
  const tooMany = found.error instanceof ApiProblem && found.error.code === "too_many_events";
  if (begin.data !== undefined) {
    return <OfJob id={begin.data.id} journey={journey} />;
  }
  if (tooMany) {
    return (
      <Group gap="sm">
        <Text>{words.tooMany}</Text>
        <Button variant="default" loading={begin.isPending} onClick={() => begin.mutate()}>
          {words.beginJob}
        </Button>
        {begin.isError && <ProblemNotice error={begin.error} />}
      </Group>
    );
  }
  if (found.data === undefined) {
    return found.isError ? <ProblemNotice error={found.error} /> : <LoadingLine />;
  }
  return <Credits answer={found.data} journey={journey} />;
}

function OfJob({ id, journey }: { id: string; journey: string }) {
  const job = useJob(id);
  const open = job.data === undefined || isOpen(job.data);
  const found = useQuery({
    queryKey: ["attribution", id, open],
    queryFn: () =>
      answerOf(api.GET("/v1/attribution/{job_id}", { params: { path: { job_id: id } } })),
    refetchInterval: open ? SOON : false,
  });
  return (
    <>
      <JobProgress id={id} />
      {found.data !== undefined && (
        <>
          {!found.data.complete && <Text size="sm">{words.soFar}</Text>}
          <Credits answer={found.data} journey={journey} />
        </>
      )}
    </>
  );
}

function whose(row: Credit): string {
  return (
    [row.journey, row.step].filter((each) => each != null).join(" · ") ||
    (row.channel ?? row.coupon ?? texts.parts.none)
  );
}

function columnsOf(all: OfCurrency): readonly Column<Credit>[] {
  const whole = all.attributed;
  return [
    { key: "whose", title: words.whose, cell: whose },
    { key: "touches", title: words.touched, number: true, cell: (row) => figure(row.touches) },
    { key: "credit", title: words.credit, number: true, cell: (row) => amount(Number(row.credit)) },
    { key: "value", title: words.value, number: true, cell: (row) => amount(Number(row.value)) },
    {
      key: "part",
      title: words.part,
      number: true,
      cell: (row) => (whole === 0 ? texts.parts.none : rate(Number(row.credit) / whole)),
    },
  ];
}

function Credits({ answer, journey }: { answer: Answer; journey: string }) {
  if (answer.currencies.length === 0) {
    return <Text className="quiet">{words.none}</Text>;
  }
  return (
    <>
      {answer.currencies.map((each) => (
        <section key={each.currency ?? ""} aria-label={words.currency(each.currency)}>
          <Title order={3} mt="sm">
            {words.currency(each.currency)}
          </Title>
          <FigureLine
            figures={[
              { name: words.conversions, value: figure(each.conversions) },
              { name: words.attributed, value: figure(each.attributed) },
              { name: words.unattributed, value: figure(each.unattributed) },
              { name: words.value, value: amount(Number(each.attributed_value)) },
            ]}
          />
          <DataTable
            label={`${words.attribution}, ${words.currency(each.currency)}`}
            columns={columnsOf(each)}
            rows={each.rows}
            rowKey={whose}
            marked={(row) => row.journey === journey}
          />
        </section>
      ))}
      <Group justify="end" mt="xs">
        <Button variant="default" onClick={() => download(answer)}>
          {words.download}
        </Button>
      </Group>
    </>
  );
}

function download(answer: Answer) {
  const head = ["currency", words.whose, words.touched, words.credit, words.value];
  const rows = answer.currencies.flatMap((each) =>
    each.rows.map((row) => [
      each.currency ?? "",
      whose(row),
      row.touches,
      Number(row.credit),
      Number(row.value),
    ]),
  );
  saveFile("attribution.csv", csvOf([head, ...rows]));
}
