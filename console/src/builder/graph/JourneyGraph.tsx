import "@xyflow/react/dist/base.css";
import { type Node as FlowNode, ReactFlow, ReactFlowProvider, useReactFlow } from "@xyflow/react";
import {
  type KeyboardEvent,
  type MouseEvent,
  type RefObject,
  useEffect,
  useMemo,
  useRef,
  useState,
} from "react";
import type { Card, DropPlace, Layout } from "@/builder/layout/cards";
import { GRAPH } from "@/builder/regions";
import { texts } from "@/texts";
import { useAutoPan } from "./autoPan";
import { beginning } from "./beginning";
import { CardNode } from "./CardNode";
import type { DragState } from "./dragging";
import classes from "./graph.module.css";
import { type GraphContent, GraphContext } from "./graphContext";
import { Lines } from "./Lines";
import { Overview } from "./Overview";
import { useOpenedView } from "./openedView";
import { useShownCards } from "./shownCards";

export type CardFlowNode = FlowNode<{ card: Card; place: DropPlace | undefined }, "card">;

const NODES = { card: CardNode };
/** The library lets the pointer through nodes that it neither moves nor selects. */
const REACHABLE = { pointerEvents: "all" } as const;
/** The width of the frame beside palette and panel, until it is known. */
const USUAL = 720;

interface JourneyGraphProps {
  layout: Layout;
  content: GraphContent;
  drag: DragState | null;
  /** Where the pointer is, while something is dragged. */
  pointer: RefObject<{ x: number; y: number }>;
  /** The card to bring into view. */
  focus: string | null;
  onKeyDown: (event: KeyboardEvent) => void;
  onBackground: () => void;
  /** Whether it stands in a page that scrolls: the wheel moves the page then. */
  still?: boolean;
}

function nodesOf(layout: Layout): CardFlowNode[] {
  const places = new Map(layout.drops.map((place) => [place.after, place]));
  return layout.cards.map(
    (card): CardFlowNode => ({
      id: card.key,
      type: "card",
      position: { x: card.x, y: card.y },
      width: card.width,
      height: card.height,
      // What is known is not measured: all cards would be drawn for that.
      measured: { width: card.width, height: card.height },
      handles: [],
      data: { card, place: places.get(card.key) },
      style: REACHABLE,
    }),
  );
}

/** A journey as cards and lines. Nothing is moved by hand: steps are dropped into places. */
export function JourneyGraph(props: JourneyGraphProps) {
  return (
    <ReactFlowProvider>
      <GraphContext.Provider value={props.content}>
        <Flow {...props} />
      </GraphContext.Provider>
    </ReactFlowProvider>
  );
}

function Flow({
  layout,
  drag,
  pointer,
  focus,
  onKeyDown,
  onBackground,
  content,
  still = false,
}: JourneyGraphProps) {
  const flow = useReactFlow();
  const frame = useRef<HTMLDivElement>(null);
  const [first] = useState(() => beginning(Math.min(window.innerWidth, USUAL), layout));
  const nodes = useMemo(() => nodesOf(layout), [layout]);

  useEffect(() => {
    content.place.current = (x, y) => flow.screenToFlowPosition({ x, y });
  }, [content.place, flow]);

  useAutoPan(frame, pointer, drag !== null);
  useOpenedView(frame, layout);
  useShownCards(frame, layout, focus, content.path);

  return (
    <div
      ref={frame}
      id={GRAPH}
      className={classes.graph}
      data-dragging={drag !== null || undefined}
      onKeyDown={onKeyDown}
      role="application"
      aria-label={texts.builder.graph}
      aria-keyshortcuts="F6"
      aria-describedby={`${GRAPH}-keys`}
    >
      <span id={`${GRAPH}-keys`} hidden>
        {texts.builder.graphHint}
      </span>
      <ReactFlow<CardFlowNode>
        nodes={nodes}
        nodeTypes={NODES}
        nodesDraggable={false}
        nodesConnectable={false}
        nodesFocusable={false}
        elementsSelectable={false}
        onlyRenderVisibleElements
        panOnScroll={!still}
        zoomOnScroll={!still}
        preventScrolling={!still}
        zoomOnDoubleClick={false}
        minZoom={0.1}
        maxZoom={1.5}
        defaultViewport={first}
        onPaneClick={(event: MouseEvent) => {
          event.preventDefault();
          onBackground();
        }}
        proOptions={{ hideAttribution: true }}
        disableKeyboardA11y
        deleteKeyCode={null}
        selectionKeyCode={null}
      >
        <Lines edges={layout.edges} />
      </ReactFlow>
      <Overview layout={layout} selected={content.selected} />
    </div>
  );
}
