import { useReactFlow, type Viewport } from "@xyflow/react";
import { type RefObject, useEffect, useRef } from "react";
import type { Card, Layout } from "@/builder/layout/cards";

/** Milliseconds. */
const DURATION = 150;

/**
 * Bring cards into view: the one that is looked for, if it is not seen whole, and the beginning of
 * a trial's path, if nothing of the path is seen.
 */
export function useShownCards(
  frame: RefObject<HTMLDivElement | null>,
  layout: Layout,
  focus: string | null,
  path: ReadonlySet<string>,
): void {
  const flow = useReactFlow();
  const drawn = useRef(layout);
  drawn.current = layout;

  useEffect(() => {
    const card = focus === null ? undefined : layout.cards.find(({ key }) => key === focus);
    const element = frame.current;
    if (card === undefined || element === null) {
      return;
    }
    const { left, top, right, bottom } = placeOf(card, flow.getViewport());
    const whole =
      left >= 0 && top >= 0 && right <= element.clientWidth && bottom <= element.clientHeight;
    if (!whole) {
      center(flow, card);
    }
  }, [flow, focus, frame, layout]);

  useEffect(() => {
    const cards = drawn.current.cards.filter(({ key }) => path.has(key));
    const element = frame.current;
    const [first] = cards;
    if (first === undefined || element === null) {
      return;
    }
    const view = flow.getViewport();
    const seen = cards.some((card) => {
      const { left, top, right, bottom } = placeOf(card, view);
      return right > 0 && bottom > 0 && left < element.clientWidth && top < element.clientHeight;
    });
    if (!seen) {
      center(flow, first);
    }
  }, [flow, frame, path]);
}

/** Where a card stands in the frame, in its pixels. */
function placeOf(card: Card, { x, y, zoom }: Viewport) {
  const left = card.x * zoom + x;
  const top = card.y * zoom + y;
  return { left, top, right: left + card.width * zoom, bottom: top + card.height * zoom };
}

function center(flow: ReturnType<typeof useReactFlow>, card: Card): void {
  void flow.setCenter(card.x + card.width / 2, card.y + card.height / 2, {
    zoom: flow.getZoom(),
    duration: DURATION,
  });
}
