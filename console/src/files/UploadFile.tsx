import { Button, FileInput, Group, Stack, Text, TextInput } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { ProblemNotice } from "@/components/ProblemNotice";
import { texts } from "@/texts";
import { FILES, isFileName, uploadFile } from "./file";

const words = texts.files;

/** A file under a name; before it replaces another, it says so. */
export function UploadFile({ there }: { there: readonly string[] }) {
  const queries = useQueryClient();
  const [file, setFile] = useState<File | null>(null);
  const [name, setName] = useState("");
  const attempt = useMutation({
    mutationFn: (chosen: File) => uploadFile(name, chosen),
    onSuccess: async () => {
      setFile(null);
      await queries.invalidateQueries({ queryKey: FILES });
    },
  });
  const right = isFileName(name);
  return (
    <Stack gap="sm" maw={640}>
      <FileInput
        label={words.file}
        description={words.uploadHint}
        placeholder={words.choose}
        value={file}
        onChange={(chosen) => {
          attempt.reset();
          setFile(chosen);
          setName(chosen?.name.replaceAll(/[^A-Za-z0-9._-]+/g, "-") ?? "");
        }}
        clearable
        clearButtonProps={{ "aria-label": texts.parts.cancel }}
      />
      {file !== null && (
        <>
          <TextInput
            label={words.called}
            value={name}
            error={right ? undefined : words.badName}
            onChange={(event) => setName(event.currentTarget.value.trim())}
          />
          {there.includes(name) && <Text role="status">{words.replaces(name)}</Text>}
          {attempt.isError && <ProblemNotice error={attempt.error} />}
          <Group>
            <Button
              disabled={!right}
              loading={attempt.isPending}
              onClick={() => attempt.mutate(file)}
            >
              {words.uploadButton(name)}
            </Button>
          </Group>
        </>
      )}
    </Stack>
  );
}
