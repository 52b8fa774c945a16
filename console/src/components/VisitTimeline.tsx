import type { ReactNode } from "react";
import type { Model } from "@/api/models";
import { texts } from "@/texts";
import { FactList } from "./FactList";
import { Instant } from "./Instant";
import { StateBadge } from "./StateBadge";
import { duration } from "./times";
import classes from "./VisitTimeline.module.css";

export type Visit = Model<"VisitBody">;
export type RunRepair = Model<"RepairBody">;

const words = texts.visits;

interface VisitTimelineProps {
  visits: readonly Visit[];
  /** What operators have done with the run; each stands after the visit at which it was done. */
  repairs?: readonly RunRepair[];
  /** What stands below a visit's message, such as what came back of it. */
  more?: (visit: Visit) => ReactNode;
}

/** The steps that a run has been at, in their order, each with the facts of its decision. */
export function VisitTimeline({ visits, repairs = [], more }: VisitTimelineProps) {
  if (visits.length === 0 && repairs.length === 0) {
    return <p className="quiet">{words.none}</p>;
  }
  const numbers = new Set(visits.map((visit) => visit.visit));
  return (
    <ol className={classes.timeline}>
      {repairs
        .filter((repair) => !numbers.has(repair.visit))
        .map((repair) => (
          <RepairRow key={repair.at} repair={repair} />
        ))}
      {visits.map((visit) => [
        <VisitRow key={visit.visit} visit={visit} more={more?.(visit)} />,
        ...repairs
          .filter((repair) => repair.visit === visit.visit)
          .map((repair) => <RepairRow key={repair.at} repair={repair} />),
      ])}
    </ol>
  );
}

function VisitRow({ visit, more }: { visit: Visit; more: ReactNode }) {
  const open = visit.ended_at === null && visit.outcome === null;
  const { held: _, ...facts } = visit.facts;
  return (
    <li className={classes.row} aria-current={open ? "step" : undefined}>
      <div className={classes.when}>
        <Instant at={visit.started_at} />
      </div>
      <div className={classes.what}>
        <div className={classes.line}>
          <strong>{visit.step}</strong>
          <span className="quiet">{words.kinds[visit.kind] ?? visit.kind}</span>
          <StateBadge state={stateOf(visit)} />
          <span className="quiet">
            {visit.ended_at !== null ? (
              words.took(duration(secondsOf(visit)))
            ) : visit.due_at !== null ? (
              <>
                {words.until} <Instant at={visit.due_at} /> (<Instant at={visit.due_at} relative />)
              </>
            ) : null}
          </span>
        </div>
        {visit.held !== null && open && <div>{words.held[visit.held] ?? visit.held}</div>}
        {visit.message !== null && <MessageLine message={visit.message} />}
        {more}
        <FactList facts={facts} />
        <HeldBefore facts={visit.facts} />
      </div>
    </li>
  );
}

function stateOf(visit: Visit): string {
  if (visit.outcome !== null) {
    return visit.outcome;
  }
  if (visit.held !== null) {
    return visit.held === "retry" ? "retrying" : "deferred";
  }
  return visit.due_at === null ? "running" : "waiting";
}

function secondsOf(visit: Visit): number {
  const end = visit.ended_at === null ? Date.now() : Date.parse(visit.ended_at);
  return (end - Date.parse(visit.started_at)) / 1000;
}

function MessageLine({ message }: { message: NonNullable<Visit["message"]> }) {
  const { attempts, code, detail, provider, provider_id } = message;
  return (
    <div>
      {words.message[message.state]}
      {attempts > 1 && `, ${words.attempts(attempts)}`}
      {provider !== null && `, ${words.by(provider)}`}
      {code !== null && (
        <>
          {": "}
          <code>{code}</code>
        </>
      )}
      {detail !== null && <span className="quiet"> {detail}</span>}
      {provider_id !== null && <span className={classes.id}> {provider_id}</span>}
    </div>
  );
}

/** Why the send was deferred before, as its facts keep it. */
function HeldBefore({ facts }: { facts: Visit["facts"] }) {
  if (!Array.isArray(facts.held)) {
    return null;
  }
  const reasons = facts.held
    .map((each: unknown) =>
      typeof each === "object" && each !== null && "why" in each ? String(each.why) : "",
    )
    .filter((why) => why !== "");
  return reasons.length === 0 ? null : (
    <div className="quiet">
      {words.deferredBefore} {reasons.map((why) => words.held[why] ?? why).join("; ")}
    </div>
  );
}

function RepairRow({ repair }: { repair: RunRepair }) {
  return (
    <li className={classes.row} data-repair>
      <div className={classes.when}>
        <Instant at={repair.at} />
      </div>
      <div className={classes.what}>
        <div className={classes.line}>
          <strong>{words.repair(repair.action, repair.to)}</strong>
          <span className="quiet">{words.by(repair.by)}</span>
        </div>
        <div>{repair.reason}</div>
      </div>
    </li>
  );
}
