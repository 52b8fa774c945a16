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
  const tick = useSyncExternalStore(running ? subscribe : never, () => now);
  // What is drawn between two ticks may have happened since the last one.
  return running ? new Date() : tick;
}
