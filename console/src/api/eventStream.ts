import { useEffect, useRef, useState } from "react";

/** Whether items arrive: being connected, connected, or waiting to connect again. */
export type StreamState = "connecting" | "open" | "lost";

const AGAIN = 5_000;

interface EventStream {
  /** The address with its query; null opens none. */
  address: string | null;
  onItem: (data: string) => void;
  /** Called when the server refuses the stream, such as after the end of the session. */
  onLost: () => void;
}

/**
 * Follow server-sent events.
 *
 * The browser goes on by itself where the server closed a stream. One that was refused is asked
 * for again after five seconds.
 */
export function useEventStream({ address, onItem, onLost }: EventStream): StreamState {
  const [state, setState] = useState<StreamState>("connecting");
  const handlers = useRef({ onItem, onLost });
  handlers.current = { onItem, onLost };
  useEffect(() => {
    if (address === null) {
      return;
    }
    let source: EventSource | undefined;
    let timer: ReturnType<typeof setTimeout> | undefined;
    function connect(to: string) {
      setState("connecting");
      const opened = new EventSource(to);
      source = opened;
      opened.onopen = () => setState("open");
      opened.onmessage = (message: MessageEvent<string>) => handlers.current.onItem(message.data);
      opened.onerror = () => {
        if (opened.readyState === EventSource.CLOSED) {
          setState("lost");
          handlers.current.onLost();
          timer = setTimeout(() => connect(to), AGAIN);
        }
      };
    }
    connect(address);
    return () => {
      source?.close();
      clearTimeout(timer);
    };
  }, [address]);
  return state;
}
