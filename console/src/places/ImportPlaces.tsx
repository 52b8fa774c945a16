import { Button, FileInput, List, Stack, Text } from "@mantine/core";
import { useState } from "react";
import type { TextHistory } from "@/builder/textHistory";
import { type Column, DataTable } from "@/components/DataTable";
import { figure } from "@/components/figures";
import { Section } from "@/components/Section";
import { texts } from "@/texts";
import { type PlaceFile, placesOfFile, type RefusedLine } from "./placeFile";
import { MOST_PLACES, placesIn, withPlaces } from "./placeList";

const words = texts.places;
/** Refused lines that are shown. */
const SHOWN = 20;

const FLAWS = { name: words.noName, lat: words.noLat, lon: words.noLon } as const;

const REFUSED: readonly Column<RefusedLine>[] = [
  { key: "line", title: words.line, narrow: true, cell: (row) => figure(row.line) },
  { key: "why", title: words.why, cell: (row) => FLAWS[row.flaw] },
];

/** A file of places: what it would add and change, and which lines are none; then one button. */
export function ImportPlaces({ history }: { history: TextHistory }) {
  const [file, setFile] = useState<File | null>(null);
  const [read, setRead] = useState<PlaceFile | "no-columns" | null>(null);
  async function choose(chosen: File | null) {
    setFile(chosen);
    setRead(null);
    if (chosen !== null) {
      setRead(placesOfFile(await chosen.text()) ?? "no-columns");
    }
  }
  const there = placesIn(history.text) ?? [];
  return (
    <Section title={words.importFile}>
      <Stack gap="sm" maw={640}>
        <FileInput
          label={words.file}
          description={words.importHint}
          placeholder={words.choose}
          accept=".csv,text/csv,text/plain"
          value={file}
          onChange={(chosen) => void choose(chosen)}
          clearable
          clearButtonProps={{ "aria-label": texts.parts.cancel }}
        />
        <div aria-live="polite">
          {read === "no-columns" && <Text role="alert">{words.noColumns}</Text>}
          {read !== null && read !== "no-columns" && (
            <Preview
              read={read}
              there={there.map(({ name }) => name)}
              onTake={() => {
                const text = withPlaces(history.text, read.places);
                if (text !== null) {
                  history.type(text);
                }
                void choose(null);
              }}
            />
          )}
        </div>
      </Stack>
    </Section>
  );
}

interface PreviewProps {
  read: PlaceFile;
  /** The names that the list has. */
  there: readonly string[];
  onTake: () => void;
}

function Preview({ read: { places, refused }, there, onTake }: PreviewProps) {
  const known = new Set(there);
  const again = places.filter(({ name }) => known.has(name)).length;
  const many = there.length + places.length - again > MOST_PLACES;
  return (
    <Stack gap="xs">
      <List>
        <List.Item>{words.would(places.length - again)}</List.Item>
        {again > 0 && <List.Item>{words.replaced(again)}</List.Item>}
        {refused.length > 0 && <List.Item>{words.refused(refused.length)}</List.Item>}
        {many && <List.Item>{words.tooMany}</List.Item>}
      </List>
      {refused.length > 0 && (
        <DataTable
          label={words.refusedLines}
          columns={REFUSED}
          rows={refused.slice(0, SHOWN)}
          rowKey={(row) => String(row.line)}
        />
      )}
      {places.length > 0 && !many && (
        <Button w="fit-content" onClick={onTake}>
          {words.take(places.length)}
        </Button>
      )}
    </Stack>
  );
}
