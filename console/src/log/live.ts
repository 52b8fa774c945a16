import { useCallback, useEffect, useRef, useState } from "react";
import { type StreamState, useEventStream } from "@/api/eventStream";
import { itemOf, type LogFilters, type LogItem, newestFirst, queryOf } from "./items";

/** Items that the page keeps of what arrived while it is open. */
const MOST = 500;
/** Milliseconds between two changes of the page. */
const PACE = 1_000;

interface Live {
  state: StreamState;
  /** What arrived since the page was opened, the newest first. */
  items: readonly LogItem[];
  /** What arrived while it is paused. */
  waiting: number;
}

/** What is recorded from now on, shown once a second at most; paused, it waits. */
export function useLive(filters: LogFilters, paused: boolean, onLost: () => void): Live {
  const { from: _, ...rest } = filters;
  const query = queryOf({ ...rest, from: "" }).toString();
  const [items, setItems] = useState<readonly LogItem[]>([]);
  const [waiting, setWaiting] = useState(0);
  const arrived = useRef<LogItem[]>([]);
  const onItem = useCallback((data: string) => {
    const item = itemOf(data);
    if (item !== null) {
      arrived.current = [...arrived.current, item].slice(-MOST);
    }
  }, []);
  // biome-ignore lint/correctness/useExhaustiveDependencies: other filters begin with nothing.
  useEffect(() => {
    arrived.current = [];
    setItems([]);
    setWaiting(0);
  }, [query]);
  useEffect(() => {
    function show() {
      if (paused) {
        setWaiting(arrived.current.length);
      } else if (arrived.current.length > 0) {
        const fresh = arrived.current;
        arrived.current = [];
        setItems((before) => newestFirst(fresh, before, MOST));
        setWaiting(0);
      }
    }
    show();
    const timer = setInterval(show, PACE);
    return () => clearInterval(timer);
  }, [paused]);
  const state = useEventStream({ address: `/v1/log/stream?${query}`, onItem, onLost });
  return { state, items, waiting };
}
