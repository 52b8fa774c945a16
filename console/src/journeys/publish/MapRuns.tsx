import { Button, Group, NativeSelect, Portal, Text, Title } from "@mantine/core";
import { kindName } from "@/builder/graph/cardWords";
import { texts } from "@/texts";
import { useMapDragging } from "./dragging";
import type { LeftStep, TargetStep } from "./mapping";
import classes from "./mapRuns.module.css";

const words = texts.publishing.mapping;

export type StepMap = Readonly<Record<string, string>>;

interface MapRunsProps {
  left: readonly LeftStep[];
  targets: readonly TargetStep[];
  suggested: StepMap;
  map: StepMap;
  onChange: (map: StepMap) => void;
}

function without(map: StepMap, step: string): StepMap {
  return Object.fromEntries(Object.entries(map).filter(([each]) => each !== step));
}

/**
 * Steps that the new version does not have on the left, its own steps on the right: runs are
 * dragged from one to the other, or led there by a choice.
 */
export function MapRuns({ left, targets, suggested, map, onChange }: MapRunsProps) {
  const set = (step: string, to: string) =>
    onChange(to === "" ? without(map, step) : { ...map, [step]: to });
  const { drag, begin, ghost } = useMapDragging(set);
  const proposed = Object.entries(suggested).filter(([step]) => map[step] === undefined);
  if (left.length === 0) {
    return <Text size="sm">{words.nothing}</Text>;
  }
  return (
    <section aria-label={words.title}>
      <Group justify="space-between" mb="xs">
        <Text size="sm" className="quiet">
          {words.hint}
        </Text>
        {proposed.length > 0 && (
          <Button
            variant="default"
            size="compact-sm"
            onClick={() => onChange({ ...map, ...Object.fromEntries(proposed) })}
          >
            {words.suggest(proposed.map(([step, to]) => `${step} → ${to}`).join(", "))}
          </Button>
        )}
      </Group>
      <div className={classes.columns}>
        <div>
          <Title order={3}>{words.from}</Title>
          <ul className={classes.list}>
            {left.map((each) => (
              <li key={each.step} className={classes.left} data-mapped={map[each.step]}>
                <div
                  className={classes.handle}
                  data-left-step={each.step}
                  onPointerDown={(event) => begin(each.step, event)}
                >
                  <span className={classes.name}>{each.step}</span>
                  <span className={classes.runs}>{words.runs(each.runs)}</span>
                  <span className={classes.why}>{words.why[each.why]}</span>
                </div>
                <NativeSelect
                  size="xs"
                  aria-label={words.goesTo(each.step)}
                  value={map[each.step] ?? ""}
                  data={[
                    { value: "", label: words.unmapped },
                    ...targets.map((target) => ({ value: target.id, label: target.id })),
                  ]}
                  onChange={(event) => set(each.step, event.currentTarget.value)}
                />
              </li>
            ))}
          </ul>
        </div>
        <div>
          <Title order={3}>{words.to}</Title>
          <ul className={classes.list}>
            {targets.map((target) => (
              <li
                key={target.id}
                className={classes.target}
                data-target-step={target.id}
                data-open={drag !== null || undefined}
                data-over={drag?.over === target.id || undefined}
                style={{ marginLeft: target.level * 16 }}
              >
                <div className={classes.line}>
                  <span className={classes.name}>{target.id}</span>
                  <span className="quiet">
                    {[kindName(target.kind), target.way].filter(Boolean).join(" · ")}
                  </span>
                  {target.isNew && <span className={classes.new}>{words.isNew}</span>}
                </div>
                {left
                  .filter((each) => map[each.step] === target.id)
                  .map((each) => (
                    <Group key={each.step} gap={4} className={classes.arrived}>
                      <span>{words.arrives(each.step, each.runs)}</span>
                      <Button
                        variant="subtle"
                        color="gray"
                        size="compact-xs"
                        aria-label={words.takeBack(each.step)}
                        onClick={() => set(each.step, "")}
                      >
                        ×
                      </Button>
                    </Group>
                  ))}
              </li>
            ))}
          </ul>
        </div>
      </div>
      {drag !== null && (
        <Portal>
          <div ref={ghost} className={classes.ghost}>
            {drag.step}
          </div>
        </Portal>
      )}
    </section>
  );
}
