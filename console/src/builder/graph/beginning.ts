import type { Card, Layout } from "@/builder/layout/cards";

export const ZOOM = 0.85;
const ABOVE = 24;
const BESIDE = 24;
/** Room that the middle of a graph leaves free on its left, where exits would stand. */
const MOST = 320;

export interface View {
  x: number;
  y: number;
  zoom: number;
}

/**
 * The view of a graph when it is opened, in a frame of this width: its beginning stands at the
 * top. All of it is in the middle if it is not too wide, else it begins at the left edge, as far
 * as the entry stays in view.
 */
export function beginning(width: number, layout: Pick<Layout, "bounds" | "cards">): View {
  const { left, right } = layout.bounds;
  const entry = layout.cards.find(({ type }) => type === "entry");
  const whole = (right - left) * ZOOM;
  const room = (width - whole) / 2;
  if (room >= BESIDE) {
    return { x: Math.min(room, MOST) - left * ZOOM, y: ABOVE, zoom: ZOOM };
  }
  const x = BESIDE - left * ZOOM;
  return { x: entry === undefined ? x : Math.min(x, latest(width, entry)), y: ABOVE, zoom: ZOOM };
}

/** How far to the right a view may begin so that a card is whole, or in the middle, in its frame. */
function latest(width: number, card: Card): number {
  const room = Math.min(BESIDE, (width - card.width * ZOOM) / 2);
  return width - room - (card.x + card.width) * ZOOM;
}
