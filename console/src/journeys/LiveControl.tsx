import { Button, Group, Text } from "@mantine/core";
import type { StreamState } from "@/api/eventStream";
import { texts } from "@/texts";

const words = texts.journeys.figures;

interface LiveControlProps {
  state: StreamState;
  paused: boolean;
  onPause: (paused: boolean) => void;
}

/** Whether figures arrive, in words, with the button that holds them. */
export function LiveControl({ state, paused, onPause }: LiveControlProps) {
  return (
    <Group gap="sm">
      <Text size="sm" role="status" component="span">
        {paused ? (
          words.paused
        ) : state === "lost" ? (
          <span className="state" data-state="failed">
            {words.lost}
          </span>
        ) : (
          <span className="state" data-state={state === "open" ? "good" : "waiting"}>
            {state === "open" ? words.live : words.connecting}
          </span>
        )}
      </Text>
      <Button variant="default" size="compact-sm" onClick={() => onPause(!paused)}>
        {paused ? words.goOn : words.pause}
      </Button>
    </Group>
  );
}
