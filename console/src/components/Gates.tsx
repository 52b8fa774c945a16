import type { Model } from "@/api/models";
import { texts } from "@/texts";
import { FactList } from "./FactList";
import classes from "./Gates.module.css";
import { Instant } from "./Instant";
import { Marked } from "./Marked";

const words = texts.contacts.why;

type Gate = Model<"GateBody">;
type Part = Model<"PartBody">;

function answerTo(gate: Gate): { text: string; state: string } {
  if (gate.passed === true) {
    return { text: words.passed, state: "good" };
  }
  if (gate.passed === false) {
    return { text: words.stopped, state: "failed" };
  }
  return { text: words.notKnown, state: "unknown" };
}

/** The questions on the way of a message or a run, each with its answer and what was seen. */
export function Gates({ gates }: { gates: readonly Gate[] }) {
  return (
    <section aria-label={words.gates}>
      <ol className={classes.gates}>
        {gates.map((gate) => {
          const { text, state } = answerTo(gate);
          return (
            <li key={`${gate.gate} ${gate.step} ${gate.at} ${gate.words}`}>
              <span className="state" data-state={state}>
                {text}
              </span>
              <div>
                <div>
                  {gate.step !== null && <strong>{gate.step}: </strong>}
                  <Marked words={gate.words} />
                </div>
                {gate.would_need !== null && (
                  <div className={classes.need}>
                    <Marked words={words.needs(gate.would_need)} />
                  </div>
                )}
                {gate.condition !== null && gate.passed !== true && (
                  <Parts parts={[gate.condition]} />
                )}
                <FactList facts={gate.saw} />
                <div className="quiet">
                  <Instant at={gate.at} />
                  {` · ${gate.source === "now" ? words.judgedNow : words.decided}`}
                </div>
              </div>
            </li>
          );
        })}
      </ol>
    </section>
  );
}

/** A condition part by part, each with whether it holds. */
function Parts({ parts }: { parts: readonly Part[] }) {
  return (
    <ul className={classes.parts}>
      {parts.map((part) => (
        <li key={part.words}>
          <span className="state" data-state={part.holds ? "good" : "failed"}>
            {part.holds ? words.passed : words.stopped}
          </span>{" "}
          <Marked words={part.words} />
          <FactList facts={part.saw} />
          {part.parts !== undefined && part.parts.length > 0 && <Parts parts={part.parts} />}
        </li>
      ))}
    </ul>
  );
}
