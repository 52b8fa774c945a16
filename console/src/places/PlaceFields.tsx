import { ActionIcon, Button, Group, TextInput } from "@mantine/core";
import { useEffect, useState } from "react";
import { type Column, DataTable } from "@/components/DataTable";
import { FindField, useFound } from "@/components/FindField";
import type { Edited } from "@/documents/DocumentEditor";
import { texts } from "@/texts";
import { ImportPlaces } from "./ImportPlaces";
import { degreeOf, isLatitude, isLongitude, type ListedPlace, placesIn } from "./placeList";
import classes from "./places.module.css";

const words = texts.places;
/** Rows that are shown at first, and with each "more". */
const STEP = 50;

type Row = ListedPlace & { index: number };

interface PlaceFieldsProps {
  edited: Edited;
  chosen: number | null;
  onChoose: (index: number) => void;
}

/** The places of a list, each in a row that can be edited; files can be imported. */
export function PlaceFields({ edited, chosen, onChoose }: PlaceFieldsProps) {
  const { history, readOnly } = edited;
  const [most, setMost] = useState(STEP);
  const places = placesIn(history.text);
  const found = useFound<Row>(
    places?.map((place, index) => ({ ...place, index })),
    (row) => row.name,
  );
  if (places === null) {
    return <p role="alert">{words.unreadable}</p>;
  }
  const shown = found.slice(0, most);
  function set(index: number, key: keyof ListedPlace, value: string | number) {
    history.edit({ edit: "set", path: ["list", index, key], value }, 0, true);
  }
  const columns: readonly Column<Row>[] = [
    {
      key: "name",
      title: words.name,
      cell: (row) => (
        <TextInput
          size="xs"
          aria-label={words.nameOf(row.index + 1)}
          value={row.name}
          readOnly={readOnly}
          error={row.name === "" ? words.nameWrong : undefined}
          onFocus={() => onChoose(row.index)}
          onChange={(event) => set(row.index, "name", event.currentTarget.value)}
        />
      ),
    },
    ...(["lat", "lon"] as const).map((key) => ({
      key,
      title: words[key],
      cell: (row: Row) => (
        <Degrees
          label={(key === "lat" ? words.latOf : words.lonOf)(row.index + 1)}
          value={row[key]}
          readOnly={readOnly}
          right={key === "lat" ? isLatitude : isLongitude}
          wrong={key === "lat" ? words.latWrong : words.lonWrong}
          onFocus={() => onChoose(row.index)}
          onChange={(value) => set(row.index, key, value)}
        />
      ),
    })),
    ...(readOnly
      ? []
      : [
          {
            key: "remove",
            title: "",
            narrow: true,
            head: <span className="spoken">{words.remove("")}</span>,
            cell: (row: Row) => (
              <ActionIcon
                variant="subtle"
                color="gray"
                aria-label={words.remove(row.name)}
                // A list of places has one at least.
                disabled={places.length === 1}
                onClick={() => history.edit({ edit: "unset", path: ["list", row.index] }, 0)}
              >
                ×
              </ActionIcon>
            ),
          },
        ]),
  ];
  return (
    <>
      <Group justify="space-between" mb="xs">
        <FindField label={words.find} />
        {!readOnly && (
          <Button
            variant="default"
            onClick={() => {
              const last = places.length;
              history.edit(
                { edit: "add-item", list: ["list"], index: last, value: newPlace(places) },
                0,
              );
              onChoose(last);
            }}
          >
            {words.add}
          </Button>
        )}
      </Group>
      <DataTable
        label={words.list}
        columns={columns}
        rows={shown}
        rowKey={(row) => String(row.index)}
        marked={(row) => row.index === chosen}
        empty={words.noneFound}
      />
      {found.length > shown.length && (
        <Button variant="default" mt="sm" onClick={() => setMost(most + STEP)}>
          {words.more(Math.min(STEP, found.length - shown.length))}
        </Button>
      )}
      {!readOnly && <ImportPlaces history={history} />}
    </>
  );
}

/** A place beside the last one, so that it is seen at once. */
function newPlace(places: readonly ListedPlace[]) {
  const last = places.at(-1);
  return { name: `Place ${places.length + 1}`, lat: last?.lat ?? 0, lon: last?.lon ?? 0 };
}

interface DegreesProps {
  label: string;
  value: number | null;
  readOnly: boolean;
  right: (value: number) => boolean;
  wrong: string;
  onFocus: () => void;
  onChange: (value: number) => void;
}

/** Degrees as they are typed; the document has them once they are a number that can be. */
function Degrees({ label, value, readOnly, right, wrong, onFocus, onChange }: DegreesProps) {
  const [typed, setTyped] = useState(value === null ? "" : String(value));
  const number = degreeOf(typed);
  useEffect(() => {
    setTyped((before) =>
      degreeOf(before) === value ? before : value === null ? "" : String(value),
    );
  }, [value]);
  return (
    <TextInput
      size="xs"
      className={classes.degrees ?? ""}
      aria-label={label}
      inputMode="decimal"
      value={typed}
      readOnly={readOnly}
      error={number === null || !right(number) ? wrong : undefined}
      onFocus={onFocus}
      onChange={(event) => {
        const next = event.currentTarget.value;
        setTyped(next);
        const degree = degreeOf(next);
        if (degree !== null && right(degree)) {
          onChange(degree);
        }
      }}
    />
  );
}
