import { Button, FileButton, Text } from "@mantine/core";
import { type DragEvent, useState } from "react";
import { texts } from "@/texts";
import classes from "./imports.module.css";
import { sizeWords } from "./sizes";

const words = texts.imports.begin;

interface FileChoiceProps {
  file: File | null;
  onChoose: (file: File) => void;
}

/** The file: chosen by a button, or dropped. */
export function FileChoice({ file, onChoose }: FileChoiceProps) {
  const [over, setOver] = useState(false);
  function drop(event: DragEvent) {
    event.preventDefault();
    setOver(false);
    const dropped = event.dataTransfer.files[0];
    if (dropped !== undefined) {
      onChoose(dropped);
    }
  }
  return (
    <section
      className={classes.drop}
      data-over={over || undefined}
      aria-label={words.file}
      onDragOver={(event) => {
        event.preventDefault();
        setOver(true);
      }}
      onDragLeave={() => setOver(false)}
      onDrop={drop}
    >
      {file !== null && <Text fw={600}>{words.chosen(file.name, sizeWords(file.size))}</Text>}
      <FileButton
        accept=".csv,.tsv,.txt,.jsonl,.ndjson,.gz,text/csv,application/x-ndjson"
        onChange={(chosen) => chosen !== null && onChoose(chosen)}
        inputProps={{ "aria-label": words.file }}
      >
        {(props) => (
          <Button {...props} variant={file === null ? "filled" : "default"}>
            {file === null ? words.choose : words.other}
          </Button>
        )}
      </FileButton>
      <Text size="sm" className="quiet">
        {words.drop}
      </Text>
    </section>
  );
}
