import { Select } from "@mantine/core";
import { useMemo, useState } from "react";
import type { Outline } from "@/builder/document/outline";
import { texts } from "@/texts";
import type { EngineWords } from "./graph/cardWords";
import { lineOf } from "./lineWords";
import { choices } from "./selecting";

const words = texts.builder;
const MOST = 30;

interface SearchProps {
  outline: Outline | null;
  engine: EngineWords;
  onFind: (key: string) => void;
}

/** Finds cards by all that stands on them: names, words, conditions, ways. */
export function Search({ outline, engine, onFind }: SearchProps) {
  const [used, setUsed] = useState(false);
  const found = useMemo(
    () =>
      used && outline !== null
        ? choices(outline).map((each) => ({ value: each.key, label: lineOf(each, engine) }))
        : [],
    [engine, outline, used],
  );
  return (
    <Select
      size="xs"
      w={260}
      maw="100%"
      searchable
      aria-label={words.find}
      placeholder={words.find}
      data={found}
      limit={MOST}
      value={null}
      nothingFoundMessage={words.noneFound}
      onFocus={() => setUsed(true)}
      onChange={(key) => key !== null && onFind(key)}
      comboboxProps={{ width: 360, position: "bottom-start" }}
    />
  );
}
