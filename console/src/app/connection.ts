import { useQueryClient } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { isAway } from "@/api/problems";

/** The latest time at which an answer came, once the server cannot be reached; else null. */
export function useLostSince(): Date | null {
  const queries = useQueryClient();
  const [lost, setLost] = useState<Date | null>(null);
  useEffect(() => {
    const cache = queries.getQueryCache();
    return cache.subscribe((event) => {
      if (event.type !== "updated") {
        return;
      }
      const { action } = event;
      if (action.type === "success" && action.manual !== true) {
        setLost(null);
      } else if ((action.type === "failed" || action.type === "error") && isAway(action.error)) {
        setLost((before) => before ?? newestAnswer(cache.getAll()));
      }
    });
  }, [queries]);
  return lost;
}

function newestAnswer(read: readonly { state: { dataUpdatedAt: number } }[]): Date {
  const newest = Math.max(0, ...read.map(({ state }) => state.dataUpdatedAt));
  return newest === 0 ? new Date() : new Date(newest);
}
