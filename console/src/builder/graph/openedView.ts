import { useReactFlow } from "@xyflow/react";
import { type RefObject, useEffect, useRef } from "react";
import type { Layout } from "@/builder/layout/cards";
import { beginning, type View } from "./beginning";

/**
 * Show the beginning of a graph when it is opened. When its frame takes another size, such as that
 * of a phone that is turned, the beginning is shown again if the view was not moved since; else
 * what stood in the middle stays there.
 */
export function useOpenedView(frame: RefObject<HTMLDivElement | null>, layout: Layout): void {
  const flow = useReactFlow();
  const drawn = useRef(layout);
  drawn.current = layout;

  useEffect(() => {
    const element = frame.current;
    if (element === null) {
      return;
    }
    let opened: View | null = null;
    let size = { width: 0, height: 0 };
    function show() {
      const { clientWidth: width, clientHeight: height } = element as HTMLDivElement;
      if (width === 0 || (width === size.width && height === size.height)) {
        return;
      }
      const view = flow.getViewport();
      const still = opened === null || (near(view.x, opened.x) && near(view.y, opened.y));
      if (still) {
        opened = beginning(width, drawn.current);
        void flow.setViewport(opened);
      } else {
        void flow.setViewport({
          x: view.x + (width - size.width) / 2,
          y: view.y + (height - size.height) / 2,
          zoom: view.zoom,
        });
      }
      size = { width, height };
    }
    const observer = new ResizeObserver(show);
    observer.observe(element);
    show();
    return () => observer.disconnect();
  }, [flow, frame]);
}

function near(one: number, other: number): boolean {
  return Math.abs(one - other) < 1;
}
