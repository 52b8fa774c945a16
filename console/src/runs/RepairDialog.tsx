import { Checkbox, Group, NumberInput, Text, TextInput } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { useQuery } from "@tanstack/react-query";
import { useId, useState } from "react";
import type { Job } from "@/api/jobs";
import { ConfirmPreview } from "@/components/ConfirmPreview";
import { ContactLink } from "@/components/ContactLink";
import { type Column, DataTable } from "@/components/DataTable";
import { LoadingLine } from "@/components/LoadingLine";
import { Marked } from "@/components/Marked";
import { ProblemNotice } from "@/components/ProblemNotice";
import { useSteps } from "@/journeys/steps";
import { texts } from "@/texts";
import {
  beginRepair,
  type Chosen,
  FINAL,
  type Preview,
  previewRepair,
  RATE,
  type RepairAction,
} from "./repairs";

const words = texts.runs;
const SHOWN = 5;
/** The API wants a reason also of a preview, which it does not keep. */
const PREVIEWED = "preview";

interface RepairDialogProps {
  action: RepairAction;
  chosen: Chosen;
  /** The journey whose steps are offered; empty if the runs are of several. */
  journey: string;
  /** Whether messages that may have arrived are meant from the start. */
  twice?: boolean;
  /** What one should know before, such as why it may fail again. */
  note?: string;
  onBegun: (job: Job) => void;
  onClose: () => void;
}

/** A repair of many runs: the preview of the server in words, the rate, the reason; then its job. */
export function RepairDialog({
  action,
  chosen,
  journey,
  twice: mayTwice = false,
  note,
  onBegun,
  onClose,
}: RepairDialogProps) {
  const [target, setTarget] = useState("");
  const [rate, setRate] = useState(RATE);
  const [twice, setTwice] = useState(mayTwice);
  const steps = useSteps(action === "goto" && journey !== "" ? journey : null);
  const list = useId();
  const order = {
    ...chosen,
    action,
    rate,
    ...(action === "goto" ? { target } : {}),
    may_arrive_twice: action === "retry" && twice,
  };
  const wanted = JSON.stringify(order);
  const [asked] = useDebouncedValue(wanted, 250);
  const complete = action !== "goto" || target !== "";
  const preview = useQuery({
    queryKey: ["repair-preview", asked],
    queryFn: () => previewRepair({ ...JSON.parse(asked), reason: PREVIEWED }),
    enabled: complete && asked === wanted,
    placeholderData: (before) => before,
    staleTime: 0,
  });
  const shown = preview.data !== undefined && !preview.isPlaceholderData && asked === wanted;
  const count = preview.data?.count ?? 0;
  return (
    <ConfirmPreview
      title={words.dialogs[action]}
      words={complete ? <Words preview={preview} /> : words.targetFirst}
      confirm={words.confirm(action, count)}
      blocked={!complete || !shown || preview.isError || count === 0}
      danger={FINAL.includes(action)}
      reason
      act={(reason) => beginRepair({ ...order, reason })}
      onDone={onBegun}
      onClose={onClose}
    >
      {note !== undefined && <Text>{note}</Text>}
      {action === "goto" && (
        <>
          <TextInput
            label={words.target}
            value={target}
            list={list}
            onChange={(event) => setTarget(event.currentTarget.value.trim())}
            required
          />
          <datalist id={list}>
            {steps.map((step) => (
              <option key={step} value={step} />
            ))}
          </datalist>
        </>
      )}
      {action === "retry" && (mayTwice || (preview.data?.unknown ?? 0) > 0) && (
        <Checkbox
          label={words.twice}
          checked={twice}
          onChange={(event) => setTwice(event.currentTarget.checked)}
        />
      )}
      <Group align="end">
        <NumberInput
          size="sm"
          w={144}
          label={words.rate}
          value={rate}
          min={1}
          max={1_000}
          onChange={(value) => typeof value === "number" && value > 0 && setRate(value)}
        />
      </Group>
    </ConfirmPreview>
  );
}

const SAMPLE: readonly Column<Preview["sample"][number]>[] = [
  { key: "contact", title: words.contact, cell: (row) => <ContactLink contact={row.contact} /> },
  { key: "journey", title: words.journey, cell: (row) => row.journey },
  { key: "step", title: words.step, cell: (row) => row.step ?? texts.parts.none },
  {
    key: "code",
    title: words.code,
    cell: (row) =>
      row.code !== null
        ? (texts.attention.reasons[row.code] ?? row.code)
        : row.held === null
          ? texts.parts.none
          : (words.heldOptions[row.held as keyof typeof words.heldOptions] ?? row.held),
  },
];

interface Read {
  data: Preview | undefined;
  isError: boolean;
  error: unknown;
}

function Words({ preview }: { preview: Read }) {
  if (preview.isError) {
    return <ProblemNotice error={preview.error} />;
  }
  if (preview.data === undefined) {
    return <LoadingLine />;
  }
  const { words: sentence, count, sample } = preview.data;
  if (count === 0) {
    return (
      <>
        <Text>{words.none}</Text>
        <Text className="quiet">
          <Marked words={sentence} />
        </Text>
      </>
    );
  }
  return (
    <>
      <Text>
        <Marked words={sentence} />
      </Text>
      <DataTable
        label={words.sample}
        columns={SAMPLE}
        rows={sample.slice(0, SHOWN)}
        rowKey={(row) => `${row.run} ${row.visit}`}
      />
    </>
  );
}
