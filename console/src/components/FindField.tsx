import { TextInput } from "@mantine/core";
import { useFilter } from "./filters";

/** A search of a list that is shown whole; what is searched for stands in the address. */
export function FindField({ label }: { label: string }) {
  const [find, setFind] = useFilter("q");
  return (
    <TextInput
      type="search"
      placeholder={label}
      aria-label={label}
      value={find}
      onChange={(event) => setFind(event.currentTarget.value)}
    />
  );
}

/** The rows whose text holds what is searched for. */
export function useFound<Row>(
  rows: readonly Row[] | undefined,
  textOf: (row: Row) => string,
): readonly Row[] {
  const [find] = useFilter("q");
  const wanted = find.trim().toLowerCase();
  return rows?.filter((row) => textOf(row).toLowerCase().includes(wanted)) ?? [];
}
