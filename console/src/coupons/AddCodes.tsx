import { Button, FileInput, Group, List, Stack, Text } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { type Column, DataTable } from "@/components/DataTable";
import { figure } from "@/components/figures";
import { ProblemNotice } from "@/components/ProblemNotice";
import { texts } from "@/texts";
import { type Imported, uploadCodes } from "./pool";

const words = texts.coupons;

type Refusal = Imported["refusals"][number];

const REFUSALS: readonly Column<Refusal>[] = [
  { key: "line", title: words.line, narrow: true, cell: (row) => figure(row.line) },
  { key: "why", title: words.why, cell: (row) => row.message },
];

interface AddCodesProps {
  pool: string;
  /** Whether a file can be chosen: not before a new pool has a name. */
  ready?: boolean;
  onAdded?: (imported: Imported) => void;
}

/** A file of codes: what it would add and which lines it would not, then one button that adds. */
export function AddCodes({ pool, ready = true, onAdded }: AddCodesProps) {
  const queries = useQueryClient();
  const [file, setFile] = useState<File | null>(null);
  const trial = useMutation({ mutationFn: (chosen: File) => uploadCodes(pool, chosen, true) });
  const attempt = useMutation({
    mutationFn: (chosen: File) => uploadCodes(pool, chosen, false),
    onSuccess: async (imported) => {
      setFile(null);
      trial.reset();
      await queries.invalidateQueries({ queryKey: ["coupons"] });
      await queries.invalidateQueries({ queryKey: ["coupon", pool] });
      await queries.invalidateQueries({ queryKey: ["attention", "coupons"] });
      onAdded?.(imported);
    },
  });
  function choose(chosen: File | null) {
    setFile(chosen);
    attempt.reset();
    trial.reset();
    if (chosen !== null) {
      trial.mutate(chosen);
    }
  }
  return (
    <Stack gap="sm" maw={640}>
      <FileInput
        label={words.file}
        description={words.fileHint}
        placeholder={words.choose}
        accept=".csv,text/csv,text/plain"
        value={file}
        onChange={choose}
        clearable
        clearButtonProps={{ "aria-label": texts.parts.cancel }}
        disabled={!ready}
      />
      <div aria-live="polite">
        {trial.isPending && <Text>{words.reading}</Text>}
        {trial.isError && <ProblemNotice error={trial.error} />}
        {trial.data !== undefined && <Preview trial={trial.data} />}
        {attempt.isError && <ProblemNotice error={attempt.error} />}
        {attempt.data !== undefined && <Text>{words.added(attempt.data.added)}</Text>}
      </div>
      {file !== null && trial.data !== undefined && trial.data.added > 0 && (
        <Group>
          <Button loading={attempt.isPending} onClick={() => attempt.mutate(file)}>
            {words.add(trial.data.added)}
          </Button>
        </Group>
      )}
    </Stack>
  );
}

function Preview({ trial }: { trial: Imported }) {
  return (
    <Stack gap="xs">
      <List>
        <List.Item>{words.would(trial.added)}</List.Item>
        {trial.duplicates > 0 && <List.Item>{words.duplicates(trial.duplicates)}</List.Item>}
        {trial.refused > 0 && <List.Item>{words.refused(trial.refused)}</List.Item>}
      </List>
      {trial.refusals.length > 0 && (
        <DataTable
          label={words.refusedLines}
          columns={REFUSALS}
          rows={trial.refusals}
          rowKey={(row) => String(row.line)}
        />
      )}
      {trial.refused > trial.refusals.length && (
        <Text size="sm" className="quiet">
          {words.firstRefused(trial.refusals.length)}
        </Text>
      )}
    </Stack>
  );
}
