import { Button } from "@mantine/core";
import type { Column } from "@/components/DataTable";
import { FactList } from "@/components/FactList";
import { Instant } from "@/components/Instant";
import { Marked } from "@/components/Marked";
import { ObjectLink } from "@/components/ObjectLink";
import { ShortId } from "@/components/ShortId";
import { texts } from "@/texts";
import type { LogItem, LogType } from "./items";

const words = texts.log;

/** The kinds whose items say that something is not well. */
const COLOURS: Partial<Record<LogType, string>> = {
  rejected: "failed",
  refusal: "deferred",
  fault: "failed",
  dead_event: "failed",
  goal: "good",
};

export const LOG_COLUMNS: readonly Column<LogItem>[] = [
  { key: "at", title: words.at, cell: (item) => <Instant at={item.at} /> },
  {
    key: "type",
    title: words.type,
    cell: (item) => (
      <span
        className={item.type in COLOURS ? "state" : "quiet"}
        data-state={COLOURS[item.type] ?? "plain"}
      >
        {words.typeNames[item.type] ?? item.type}
      </span>
    ),
  },
  {
    key: "contact",
    title: words.contact,
    cell: (item) =>
      item.contact === null ? texts.parts.none : <ObjectLink place="contacts" id={item.contact} />,
  },
  { key: "what", title: words.what, cell: (item) => <Marked words={item.summary} /> },
  {
    key: "run",
    title: words.run,
    cell: (item) => {
      if (item.run !== null) {
        return (
          <ObjectLink place="runs" id={item.run}>
            <ShortId id={item.run} />
          </ObjectLink>
        );
      }
      return item.job === null ? (
        texts.parts.none
      ) : (
        <ObjectLink place="jobs" id={item.job}>
          <ShortId id={item.job} />
        </ObjectLink>
      );
    },
  },
];

interface DetailButtonProps {
  item: LogItem;
  open: boolean;
  onToggle: () => void;
}

/** Opens and closes what is known of an item. */
export function DetailButton({ item, open, onToggle }: DetailButtonProps) {
  return Object.keys(item.details).length === 0 ? (
    texts.parts.none
  ) : (
    <Button variant="subtle" size="compact-xs" aria-expanded={open} onClick={onToggle}>
      {open ? words.hide : words.show}
    </Button>
  );
}

/** All that is known of an item. */
export function LogDetails({ item }: { item: LogItem }) {
  const { journey, version, step, visit, outcome, code, reason, key, event, message } = item;
  return (
    <FactList
      facts={{
        journey,
        version,
        step,
        visit,
        outcome,
        code,
        reason,
        key,
        event,
        message,
        ...item.details,
      }}
    />
  );
}
