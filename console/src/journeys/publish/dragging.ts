import {
  type PointerEvent as ReactPointerEvent,
  useCallback,
  useEffect,
  useRef,
  useState,
} from "react";

/** Pixels that the pointer has to move before a press becomes a drag. */
const SLACK = 4;
const EDGE = 40;

interface MapDrag {
  /** The step whose runs are dragged. */
  readonly step: string;
  /** The step that a drop would lead them to. */
  readonly over: string | null;
}

function targetAt(x: number, y: number): string | null {
  const found = document.elementFromPoint(x, y)?.closest<HTMLElement>("[data-target-step]");
  return found?.dataset.targetStep ?? null;
}

/** Moves what scrolls around the pointer, if that is near its upper or lower edge. */
function scrollNear(x: number, y: number): void {
  let each = document.elementFromPoint(x, y)?.parentElement ?? null;
  while (each !== null && each.scrollHeight <= each.clientHeight) {
    each = each.parentElement;
  }
  const bounds = each?.getBoundingClientRect();
  if (each !== null && bounds !== undefined) {
    const up = y < Math.max(bounds.top, 0) + EDGE;
    const down = y > Math.min(bounds.bottom, window.innerHeight) - EDGE;
    each.scrollTop += up ? -12 : down ? 12 : 0;
  }
}

/** Dragging of a step onto another one, by mouse, pen or finger; Escape ends it. */
export function useMapDragging(onDrop: (step: string, to: string) => void) {
  const [drag, setDrag] = useState<MapDrag | null>(null);
  const ghost = useRef<HTMLDivElement>(null);
  const latest = useRef(onDrop);
  latest.current = onDrop;
  const stop = useRef<(() => void) | null>(null);
  useEffect(() => () => stop.current?.(), []);

  const begin = useCallback((step: string, pressed: ReactPointerEvent) => {
    if (pressed.button !== 0) {
      return;
    }
    stop.current?.();
    const from = { x: pressed.clientX, y: pressed.clientY };
    let over: string | null | undefined;
    const move = (event: PointerEvent) => {
      const far = Math.hypot(event.clientX - from.x, event.clientY - from.y) > SLACK;
      if (over === undefined && !far) {
        return;
      }
      event.preventDefault();
      scrollNear(event.clientX, event.clientY);
      const next = targetAt(event.clientX, event.clientY);
      if (next !== over) {
        over = next;
        setDrag({ step, over: next });
      }
      if (ghost.current !== null) {
        const { clientX: x, clientY: y } = event;
        ghost.current.style.transform = `translate(${x + 12}px, ${y + 12}px)`;
      }
    };
    const end = () => {
      window.removeEventListener("pointermove", move);
      window.removeEventListener("pointerup", drop);
      window.removeEventListener("pointercancel", end);
      window.removeEventListener("keydown", cancel, true);
      stop.current = null;
      setDrag(null);
    };
    const drop = () => {
      const target = over;
      end();
      if (target != null) {
        latest.current(step, target);
      }
    };
    const cancel = (event: KeyboardEvent) => {
      if (event.key === "Escape") {
        event.stopPropagation();
        end();
      }
    };
    window.addEventListener("pointermove", move, { passive: false });
    window.addEventListener("pointerup", drop);
    window.addEventListener("pointercancel", end);
    window.addEventListener("keydown", cancel, true);
    stop.current = end;
  }, []);
  return { drag, begin, ghost };
}
