import "@xyflow/react/dist/base.css";
import {
  type Edge as FlowEdge,
  type Node as FlowNode,
  MiniMap,
  ReactFlow,
  ReactFlowProvider,
  useReactFlow,
} from "@xyflow/react";
import { type KeyboardEvent, type MouseEvent, useEffect, useMemo, useRef, useState } from "react";
import type { Card, DropPlace, Edge, Layout } from "@/builder/layout/cards";
import { texts } from "@/texts";
import { useAutoPan } from "./autoPan";
import { CardNode } from "./CardNode";
import { DropNode } from "./DropNode";
import type { DragState } from "./dragging";
import classes from "./graph.module.css";
import { type GraphContent, GraphContext } from "./graphContext";
import { LineEdge } from "./LineEdge";

export type CardFlowNode = FlowNode<{ card: Card }, "card">;
export type DropFlowNode = FlowNode<{ place: DropPlace }, "drop">;
export type LineFlowEdge = FlowEdge<{ line: Edge }, "line">;

const NODES = { card: CardNode, drop: DropNode };
const EDGES = { line: LineEdge };
const DROP_SIZE = 24;
/** The library lets the pointer through nodes that it neither moves nor selects. */
const REACHABLE = { pointerEvents: "all" } as const;
const NARROW = 992;
/** The beginning of the journey stands at the top; where there is room, right of its exits. */
const START = () => ({ x: window.innerWidth < NARROW ? 48 : 320, y: 24, zoom: 0.85 });

interface JourneyGraphProps {
  layout: Layout;
  content: GraphContent;
  drag: DragState | null;
  /** The card to bring into view. */
  focus: string | null;
  onKeyDown: (event: KeyboardEvent) => void;
  onBackground: () => void;
}

function nodesOf(layout: Layout): (CardFlowNode | DropFlowNode)[] {
  const cards = layout.cards.map(
    (card): CardFlowNode => ({
      id: card.key,
      type: "card",
      position: { x: card.x, y: card.y },
      width: card.width,
      height: card.height,
      initialWidth: card.width,
      initialHeight: card.height,
      data: { card },
      style: REACHABLE,
    }),
  );
  const drops = layout.drops.map(
    (place): DropFlowNode => ({
      id: `drop:${place.key}`,
      type: "drop",
      position: { x: place.x - DROP_SIZE / 2, y: place.y - DROP_SIZE / 2 },
      width: DROP_SIZE,
      height: DROP_SIZE,
      initialWidth: DROP_SIZE,
      initialHeight: DROP_SIZE,
      data: { place },
      style: REACHABLE,
    }),
  );
  return [...cards, ...drops];
}

function edgesOf(layout: Layout): LineFlowEdge[] {
  return layout.edges.map((line) => ({
    id: line.key,
    type: "line",
    source: line.from,
    target: line.to,
    data: { line },
  }));
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

function Flow({ layout, drag, focus, onKeyDown, onBackground, content }: JourneyGraphProps) {
  const flow = useReactFlow();
  const [start] = useState(START);
  const frame = useRef<HTMLDivElement>(null);
  const nodes = useMemo(() => nodesOf(layout), [layout]);
  const edges = useMemo(() => edgesOf(layout), [layout]);

  useEffect(() => {
    content.place.current = (x, y) => flow.screenToFlowPosition({ x, y });
  }, [content.place, flow]);

  useAutoPan(frame, drag);

  useEffect(() => {
    const card = focus === null ? undefined : layout.cards.find(({ key }) => key === focus);
    const bounds = frame.current?.getBoundingClientRect();
    if (card === undefined || bounds === undefined) {
      return;
    }
    const { x, y, zoom } = flow.getViewport();
    const left = card.x * zoom + x;
    const top = card.y * zoom + y;
    const inside =
      left >= 0 &&
      top >= 0 &&
      left + card.width * zoom <= bounds.width &&
      top + card.height * zoom <= bounds.height;
    if (!inside) {
      void flow.setCenter(card.x + card.width / 2, card.y + card.height / 2, {
        zoom,
        duration: 150,
      });
    }
  }, [flow, focus, layout]);

  return (
    <div
      ref={frame}
      className={classes.graph}
      data-dragging={drag !== null || undefined}
      onKeyDown={onKeyDown}
      role="application"
      aria-label={texts.builder.graph}
    >
      <ReactFlow<CardFlowNode | DropFlowNode, LineFlowEdge>
        nodes={nodes}
        edges={edges}
        nodeTypes={NODES}
        edgeTypes={EDGES}
        nodesDraggable={false}
        nodesConnectable={false}
        nodesFocusable={false}
        edgesFocusable={false}
        elementsSelectable={false}
        onlyRenderVisibleElements
        panOnScroll
        zoomOnDoubleClick={false}
        minZoom={0.1}
        maxZoom={1.5}
        defaultViewport={start}
        onPaneClick={(event: MouseEvent) => {
          event.preventDefault();
          onBackground();
        }}
        proOptions={{ hideAttribution: true }}
        disableKeyboardA11y
        deleteKeyCode={null}
        selectionKeyCode={null}
      >
        <MiniMap
          pannable
          zoomable
          ariaLabel={texts.builder.minimap}
          nodeColor={(node) => (node.type === "drop" ? "transparent" : "var(--quiet)")}
          className={classes.minimap}
        />
      </ReactFlow>
    </div>
  );
}
