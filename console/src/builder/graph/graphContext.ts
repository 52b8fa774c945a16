import { createContext, type RefObject, useContext } from "react";
import type { Way } from "@/builder/document/outline";
import type { DropPlace } from "@/builder/layout/cards";
import type { EngineWords } from "./cardWords";
import type { DragState } from "./dragging";

/** The figures that stand on a card, in the order in which they are shown. */
export type CardFigures = readonly { name: string; value: string; to?: string }[];

/** Figures by the key of their card; those of a card are made when it is drawn. */
export interface FiguresOfCards {
  get: (key: string) => CardFigures | undefined;
}

/** What validation says of a card. */
export interface CardProblem {
  severity: "error" | "warning";
  message: string;
  /** What would be right. */
  hint: string | null;
}

/** What the cards of a graph show and do beside what the outline says. */
export interface GraphContent {
  words: EngineWords;
  /** The problems by the key of the card. */
  problems: ReadonlyMap<string, readonly CardProblem[]>;
  figures: FiguresOfCards;
  /** How hot a card is, from 0 to 1, by its key. */
  heat: ReadonlyMap<string, number>;
  /** The keys on a path that is played. */
  path: ReadonlySet<string>;
  selected: ReadonlySet<string>;
  /** The card that the arrow keys start from. */
  current: string | null;
  /** The way whose name and share are being edited on its card. */
  editing: string | null;
  readOnly: boolean;
  drag: DragState | null;
  onSelect: (key: string, more: boolean) => void;
  onGrab: (key: string, pointer: { x: number; y: number }) => void;
  onInsert: (place: DropPlace) => void;
  onEditWay: (key: string | null) => void;
  /** Names a way, and gives it a weight if it is an arm. */
  onChangeWay: (way: Way, name: string, weight: number | null) => void;
  /** From a place on the screen to one of the graph; set by the graph itself. */
  place: RefObject<((x: number, y: number) => { x: number; y: number }) | null>;
}

export const GraphContext = createContext<GraphContent | null>(null);

export function useGraph(): GraphContent {
  const content = useContext(GraphContext);
  if (content === null) {
    throw new Error("a card is shown outside of a graph");
  }
  return content;
}
