import { useSyncExternalStore } from "react";

const TICK = 10_000;
let now = new Date();
const listeners = new Set<() => void>();
let timer: ReturnType<typeof setInterval> | undefined;

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  if (timer === undefined) {
    // No one has kept it up to date.
    now = new Date();
  }
  timer ??= setInterval(() => {
    now = new Date();
    for (const each of listeners) {
      each();
    }
  }, TICK);
  return () => {
    listeners.delete(listener);
    if (listeners.size === 0) {
      clearInterval(timer);
      timer = undefined;
    }
  };
}

const never = () => () => undefined;

/** The time, kept up to date every ten seconds by one clock for the whole page. */
export function useNow(running = true): Date {
  return useSyncExternalStore(running ? subscribe : never, () => now);
}
