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
 * for again after five seconds, and one that ended with the network once that is back.
 */
export function useEventStream({ address, onItem, onLost }: EventStream): StreamState {
  const [state, setState] = useState<StreamState>("connecting");
  const handlers = useRef({ onItem, onLost });
  handlers.current = { onItem, onLost };
  useEffect(() => {
    if (address === null) {
      return;
    }
    const to = address;
    let source: EventSource | undefined;
    let timer: ReturnType<typeof setTimeout> | undefined;
    setState("connecting");
    function connect() {
      const opened = new EventSource(to);
      source = opened;
      opened.onopen = () => setState("open");
      opened.onmessage = (message: MessageEvent<string>) => handlers.current.onItem(message.data);
      opened.onerror = () => {
        setState("lost");
        if (opened.readyState === EventSource.CLOSED) {
          handlers.current.onLost();
          timer = setTimeout(connect, AGAIN);
        }
      };
    }
    function leave() {
      source?.close();
      clearTimeout(timer);
    }
    // A stream of a network that is gone says nothing, and never ends by itself.
    function away() {
      leave();
      setState("lost");
    }
    function back() {
      leave();
      connect();
    }
    connect();
    window.addEventListener("offline", away);
    window.addEventListener("online", back);
    return () => {
      window.removeEventListener("offline", away);
      window.removeEventListener("online", back);
      leave();
    };
  }, [address]);
  return state;
}
