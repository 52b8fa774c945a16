import { useReactFlow } from "@xyflow/react";
import { type RefObject, useEffect } from "react";

/** Pixels from an edge of the graph within which a drag moves the view, and how far in a frame. */
const EDGE = 48;
const STEP = 10;

function push(at: number, from: number, to: number): number {
  if (at < from + EDGE) {
    return STEP;
  }
  return at > to - EDGE ? -STEP : 0;
}

/** Moves the view while something is dragged near an edge of the graph. */
export function useAutoPan(
  frame: RefObject<HTMLElement | null>,
  pointer: RefObject<{ x: number; y: number }>,
  dragging: boolean,
): void {
  const flow = useReactFlow();
  useEffect(() => {
    if (!dragging) {
      return;
    }
    let next = requestAnimationFrame(function pan() {
      const bounds = frame.current?.getBoundingClientRect();
      const at = pointer.current;
      const inside =
        bounds !== undefined && at !== null && at.x > bounds.left && at.x < bounds.right;
      if (inside) {
        const x = push(at.x, bounds.left, bounds.right);
        const y = push(at.y, bounds.top, bounds.bottom);
        if (x !== 0 || y !== 0) {
          const view = flow.getViewport();
          void flow.setViewport({ x: view.x + x, y: view.y + y, zoom: view.zoom });
        }
      }
      next = requestAnimationFrame(pan);
    });
    return () => cancelAnimationFrame(next);
  }, [dragging, flow, frame, pointer]);
}
