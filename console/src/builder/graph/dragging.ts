import { useCallback, useEffect, useRef, useState } from "react";
import type { DropPlace } from "@/builder/layout/cards";

/** What is dragged: cards of the graph, a new step of a kind, or the steps of a ready journey. */
export type Dragged =
  | { readonly what: "cards"; readonly keys: readonly string[]; readonly name: string }
  | { readonly what: "kind"; readonly kind: string; readonly name: string }
  | { readonly what: "fragment"; readonly fragment: string; readonly name: string };

/** A drag that goes on, and the place that a drop would take. */
export interface DragState {
  readonly dragged: Dragged;
  readonly target: DropPlace | null;
}

interface Point {
  x: number;
  y: number;
}

/** Pixels that the pointer has to move before a press becomes a drag. */
const SLACK = 5;
/** The farthest that a drop place may be from the pointer, in pixels of the graph. */
const REACH = 160;

interface DraggingOptions {
  drops: readonly DropPlace[];
  /** From a place on the screen to one of the graph. */
  placeOf: (x: number, y: number) => Point | null;
  onDrop: (dragged: Dragged, target: DropPlace) => void;
}

/** The drop place nearest to a point; lanes are wide, so the way across counts half. */
export function nearestPlace(drops: readonly DropPlace[], point: Point): DropPlace | null {
  let nearest: DropPlace | null = null;
  let least = REACH;
  for (const drop of drops) {
    const distance = Math.hypot((drop.x - point.x) / 2, drop.y - point.y);
    if (distance < least) {
      nearest = drop;
      least = distance;
    }
  }
  return nearest;
}

/** Dragging by pointer: begins after a few pixels, ends with a drop or with Escape. */
export function useDragging({ drops, placeOf, onDrop }: DraggingOptions) {
  const [drag, setDrag] = useState<DragState | null>(null);
  // The pointer moves many times between two frames: only a change of the target is drawn by React.
  const pointer = useRef<Point>({ x: 0, y: 0 });
  const ghost = useRef<HTMLDivElement>(null);
  const latest = useRef({ drops, placeOf, onDrop });
  useEffect(() => {
    latest.current = { drops, placeOf, onDrop };
  });
  const stop = useRef<(() => void) | null>(null);
  useEffect(() => () => stop.current?.(), []);

  const begin = useCallback((dragged: Dragged, from: Point) => {
    stop.current?.();
    let state: DragState | null = null;
    const show = (next: DragState | null) => {
      state = next;
      setDrag(next);
    };
    const move = (event: PointerEvent) => {
      const far = Math.hypot(event.clientX - from.x, event.clientY - from.y) > SLACK;
      if (state === null && !far) {
        return;
      }
      event.preventDefault();
      const point = latest.current.placeOf(event.clientX, event.clientY);
      const target = point === null ? null : nearestPlace(latest.current.drops, point);
      pointer.current = { x: event.clientX, y: event.clientY };
      moveGhost(ghost.current, pointer.current);
      if (state === null || state.target?.key !== target?.key) {
        show({ dragged, target });
      }
    };
    const end = () => {
      window.removeEventListener("pointermove", move);
      window.removeEventListener("pointerup", drop);
      window.removeEventListener("pointercancel", end);
      window.removeEventListener("keydown", cancel, true);
      stop.current = null;
      show(null);
    };
    const drop = () => {
      const target = state?.target ?? null;
      end();
      if (target !== null) {
        latest.current.onDrop(dragged, target);
      }
    };
    const cancel = (event: KeyboardEvent) => {
      if (event.key === "Escape") {
        event.stopPropagation();
        end();
      }
    };
    window.addEventListener("pointermove", move);
    window.addEventListener("pointerup", drop);
    window.addEventListener("pointercancel", end);
    window.addEventListener("keydown", cancel, true);
    stop.current = end;
  }, []);
  useEffect(() => {
    if (drag !== null) {
      moveGhost(ghost.current, pointer.current);
    }
  }, [drag]);
  return { drag, begin, pointer, ghost };
}

/** Shows the name of what is dragged beside the pointer. */
function moveGhost(ghost: HTMLElement | null, { x, y }: Point): void {
  if (ghost !== null) {
    ghost.style.transform = `translate(${x + 12}px, ${y + 12}px)`;
  }
}
