import type { NodeProps } from "@xyflow/react";
import { memo, type PointerEvent } from "react";
import type { Card } from "@/builder/layout/cards";
import { PlaceLink } from "@/components/PlaceLink";
import { texts } from "@/texts";
import { inOneLine, kindName, ruleWords, stepWords, wayWords } from "./cardWords";
import { DropButton } from "./DropButton";
import classes from "./graph.module.css";
import { type CardFigures, useGraph } from "./graphContext";
import type { CardFlowNode } from "./JourneyGraph";
import { WayFields } from "./WayFields";

const words = texts.builder;

/** A card of the graph, by what it is. */
export const CardNode = memo(function CardNode({ data }: NodeProps<CardFlowNode>) {
  const { card, place } = data;
  return (
    <>
      <CardOf card={card} />
      {place !== undefined && <DropButton place={place} />}
    </>
  );
});

function CardOf({ card }: { card: Card }) {
  switch (card.type) {
    case "join":
      return <div className={classes.join} />;
    case "end":
      return <div className={classes.finish}>{words.end}</div>;
    case "entry":
      return <EntryCard card={card} />;
    case "rule":
      return <RuleCard card={card} />;
    case "way":
      return <WayCard card={card} />;
    case "item":
      return <StepCard card={card} />;
  }
}

interface FrameProps {
  card: Card;
  kind: string;
  title: string;
  body: string;
  disabled?: boolean;
  /** Whether it can be taken hold of. */
  movable?: boolean;
  /** A figure beside the title. */
  count?: CardFigures[number] | undefined;
  onDoubleClick?: () => void;
  children?: React.ReactNode;
}

/** The frame that all cards have: it is chosen by a click and, if it is a step, dragged. */
function Frame({
  card,
  kind,
  title,
  body,
  disabled,
  movable,
  count: figure,
  onDoubleClick,
  children,
}: FrameProps) {
  const { selected, current, problems, path, heat, onSelect, onGrab, readOnly } = useGraph();
  const found = problems.get(card.key) ?? [];
  const wrong = found.some((each) => each.severity === "error");
  const hot = heat.get(card.key);
  function grab(event: PointerEvent) {
    if (event.button === 0 && movable === true && !readOnly) {
      onGrab(card.key, { x: event.clientX, y: event.clientY });
    }
  }
  return (
    // biome-ignore lint/a11y/useSemanticElements: it is no part of a form, and holds links, which a button may not.
    <div
      role="group"
      aria-label={`${title}: ${body}`}
      className={`${classes.card} nodrag nopan`}
      data-kind={kind}
      data-card={card.key}
      data-selected={selected.has(card.key) || undefined}
      data-disabled={disabled || undefined}
      data-path={path.has(card.key) || undefined}
      style={
        hot === undefined ? undefined : { boxShadow: `inset 0 -3px 0 rgb(200 60 40 / ${hot})` }
      }
      tabIndex={current === card.key ? 0 : -1}
      aria-current={selected.has(card.key) || undefined}
      onDoubleClick={onDoubleClick}
      onClick={(event) => onSelect(card.key, event.shiftKey || event.ctrlKey || event.metaKey)}
      onKeyDown={(event) => {
        if (event.key === " " && event.target === event.currentTarget) {
          event.preventDefault();
          onSelect(card.key, event.shiftKey);
        }
      }}
      onPointerDown={grab}
    >
      <div className={classes.title}>
        <span>{title}</span>
        {figure !== undefined && (
          <span className={classes.count} title={`${figure.value} ${figure.name}`}>
            {figure.to === undefined ? (
              figure.value
            ) : (
              <PlaceLink to={figure.to}>{figure.value}</PlaceLink>
            )}{" "}
            {figure.name}
          </span>
        )}
        {found.length > 0 && (
          <span
            className={classes.dot}
            data-severity={wrong ? "error" : "warning"}
            title={found.map((each) => each.message).join("\n")}
          >
            {wrong ? words.problems(found.length) : words.warnings(found.length)}
          </span>
        )}
      </div>
      {body !== "" && (
        <div className={classes.words} title={body}>
          {body}
        </div>
      )}
      {children}
    </div>
  );
}

function StepCard({ card }: { card: Card & { type: "item" } }) {
  const { words: engine, figures } = useGraph();
  const { item } = card;
  const kind = item.kind?.kind ?? null;
  const title = [kindName(kind), item.id].filter(Boolean).join(" · ");
  const shown = figures.get(item.key);
  return (
    <Frame
      card={card}
      kind={kind ?? "unknown"}
      title={item.type === "disabled" ? words.disabled(title) : title}
      body={stepWords(item, engine)}
      disabled={item.type === "disabled"}
      movable
    >
      {item.note !== null && (
        <div className={classes.note} title={item.note.text}>
          {item.note.text}
        </div>
      )}
      {shown !== undefined && (
        <div className={classes.figures} data-many={shown.length > 3 || undefined}>
          {shown.map(({ name, value, to }) => (
            <span key={name}>
              {to === undefined ? value : <PlaceLink to={to}>{value}</PlaceLink>} {name}
            </span>
          ))}
        </div>
      )}
    </Frame>
  );
}

function EntryCard({ card }: { card: Card & { type: "entry" } }) {
  const { words: engine, figures } = useGraph();
  const lines = card.rules.map((rule, index) => engine.entries[index] ?? inOneLine(rule.value));
  return (
    <Frame
      card={card}
      kind="entry"
      title={words.entry}
      body={lines.join("\n")}
      count={figures.get(card.key)?.[0]}
    />
  );
}

function RuleCard({ card }: { card: Card & { type: "rule" } }) {
  const { words: engine } = useGraph();
  const { rule } = card;
  const place = rule.path.at(-1);
  const body = ruleWords(rule, typeof place === "number" ? place : 0, engine);
  const title = rule.type === "goal" ? words.goal : words.exit;
  return <Frame card={card} kind={rule.type} title={title} body={body} />;
}

function WayCard({ card }: { card: Card & { type: "way" } }) {
  const { words: engine, editing, figures, onEditWay, readOnly } = useGraph();
  const { way } = card;
  const name = way.role === "else" ? words.otherwise : way.name;
  const role = way.role === "holdout" || way.role === "winner" ? words.roles[way.role] : "";
  const said = wayWords(way, engine);
  const share = way.share === null ? "" : said;
  const editable = !readOnly && !way.implied && way.role !== "else";
  if (editing === card.key) {
    return <WayFields card={card} onDone={() => onEditWay(null)} />;
  }
  return (
    <Frame
      card={card}
      kind="way"
      title={[name, share, role].filter(Boolean).join(" · ")}
      body={way.share === null ? said : ""}
      count={figures.get(card.key)?.[0]}
      {...(editable ? { onDoubleClick: () => onEditWay(card.key) } : {})}
    />
  );
}
