import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useMemo, useRef } from "react";
import { answerOf, api } from "@/api/client";
import { type StreamState, useEventStream } from "@/api/eventStream";
import type { Model } from "@/api/models";
import { useFilter } from "@/components/filters";

export type JourneyStats = Model<"JourneyStats">;
export type StepStats = JourneyStats["steps"][number];

/** A version, a period and how it is counted; all of it if nothing was chosen. */
export interface StatsWindow {
  version?: number;
  from?: string;
  to?: string;
  cohort?: "entered";
}

/** Outcomes of a visit that was open when its run ended early, without the goal. */
const LEAVING = ["exited", "removed"] as const;

/** How many runs ended early while they were at a step, by an exit or by hand. */
export function leavesAt(step: StepStats): number {
  return LEAVING.reduce((sum, outcome) => sum + (step.outcomes[outcome] ?? 0), 0);
}

/** Milliseconds between two readings of a period; the stream has the figures of all time. */
const PACE = 1_000;

interface LiveStats {
  stats: JourneyStats | undefined;
  error: Error | null;
  retry: () => void;
  state: StreamState;
  paused: boolean;
  setPaused: (paused: boolean) => void;
}

/** The version, the period and the cohort in the address of the page. */
export function useStatsWindow() {
  const [version, setVersion] = useFilter("version");
  const [from, setFrom] = useFilter("from");
  const [to, setTo] = useFilter("to");
  const [cohort, setCohort] = useFilter("cohort");
  const chosen = useMemo(
    (): StatsWindow => ({
      ...(/^\d+$/.test(version) ? { version: Number(version) } : {}),
      ...(from === "" ? {} : { from }),
      ...(to === "" ? {} : { to }),
      ...(cohort === "entered" ? { cohort } : {}),
    }),
    [cohort, from, to, version],
  );
  return { version, setVersion, from, setFrom, to, setTo, cohort, setCohort, window: chosen };
}

/**
 * The figures of a journey as they change, at most once a second, until they are paused.
 *
 * The stream has those of all time; those of a period are read again whenever it says something.
 */
export function useLiveStats(journey: string, chosen: StatsWindow, shown = true): LiveStats {
  const queries = useQueryClient();
  const [held, setHeld] = useFilter("paused");
  const paused = held !== "";
  const whole = Object.keys(chosen).length === 0;
  const key = ["stats", journey, chosen] as const;
  const read = useRef(0);
  const state = useEventStream({
    address: shown && !paused ? `/v1/stats/stream?${new URLSearchParams({ journey })}` : null,
    onItem: (data) => {
      if (whole) {
        queries.setQueryData(key, JSON.parse(data) as JourneyStats);
      } else if (Date.now() - read.current >= PACE) {
        read.current = Date.now();
        void queries.invalidateQueries({ queryKey: key, exact: true }, { cancelRefetch: false });
      }
    },
    // The answer to a reading says why, such as that the session has ended.
    onLost: () => void queries.invalidateQueries({ queryKey: key, exact: true }),
  });
  const found = useQuery({
    queryKey: key,
    queryFn: () =>
      answerOf(
        api.GET("/v1/journeys/{key}/stats", { params: { path: { key: journey }, query: chosen } }),
      ),
    enabled: shown && (!whole || paused || state === "lost"),
    staleTime: Number.POSITIVE_INFINITY,
    refetchOnWindowFocus: false,
    placeholderData: (before) => before,
  });
  return {
    stats: found.data,
    error: found.error,
    retry: () => void found.refetch(),
    state,
    paused,
    setPaused: (next) => setHeld(next ? "1" : null),
  };
}
