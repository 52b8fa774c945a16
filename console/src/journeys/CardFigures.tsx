import { Button, Group, Popover, Switch } from "@mantine/core";
import { texts } from "@/texts";
import { LiveControl } from "./LiveControl";
import type { useLiveStats, useStatsWindow } from "./liveStats";
import { StatsFilters } from "./StatsFilters";

const words = texts.journeys.figures;

interface CardFiguresProps {
  journey: string;
  shown: boolean;
  onShow: (shown: boolean) => void;
  live: ReturnType<typeof useLiveStats>;
  chosen: ReturnType<typeof useStatsWindow>;
}

/** Above the graph: whether figures stand on the cards, of which runs, and whether they arrive. */
export function CardFigures({ journey, shown, onShow, live, chosen }: CardFiguresProps) {
  const some = Object.keys(chosen.window).length > 0;
  return (
    <Group gap="sm">
      <Switch
        size="xs"
        label={texts.publishing.figures}
        checked={shown}
        onChange={(event) => onShow(event.currentTarget.checked)}
      />
      {shown && (
        <>
          <LiveControl state={live.state} paused={live.paused} onPause={live.setPaused} />
          <Popover position="bottom-start" shadow="sm" trapFocus>
            <Popover.Target>
              <Button variant="default" size="compact-sm">
                {some ? words.ofSome : words.ofAll}
              </Button>
            </Popover.Target>
            <Popover.Dropdown aria-label={words.choose}>
              <StatsFilters journey={journey} chosen={chosen} />
            </Popover.Dropdown>
          </Popover>
        </>
      )}
    </Group>
  );
}
