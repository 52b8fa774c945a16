import { Button, TextInput } from "@mantine/core";
import { useQueryClient } from "@tanstack/react-query";
import { useId, useState } from "react";
import { answerOf, api } from "@/api/client";
import type { Model } from "@/api/models";
import { useMay } from "@/api/session";
import { ConfirmPreview } from "@/components/ConfirmPreview";
import { useSteps } from "@/journeys/steps";
import { texts } from "@/texts";
import { FINAL, type RepairAction } from "./repairs";

const words = texts.runs;

type RunDetail = Model<"RunDetail">;
type Repair = Model<"RepairBody">;

/** What can be done with a run where it stands now. The server has the last word. */
export function possibleRepairs(run: Pick<RunDetail, "state" | "visits">): RepairAction[] {
  const newest = run.visits.at(-1);
  const failed = run.visits.some(
    (visit) =>
      visit.outcome === "failed" && visit.message !== null && visit.message.state !== "sent",
  );
  const waits = newest !== undefined && newest.outcome === null;
  const found: RepairAction[] = [];
  if ((waits && newest.held === "retry") || failed) {
    found.push("retry");
  }
  if (run.state !== "active") {
    return found;
  }
  if (waits) {
    found.push("skip", "goto");
  }
  return [...found, "exit", "cancel"];
}

function order(run: string, action: RepairAction, reason: string, step: string): Promise<Repair> {
  const path = { params: { path: { run } } };
  const body = { reason };
  switch (action) {
    case "retry":
      return answerOf(
        api.POST("/v1/runs/{run}/retry", { ...path, body: { reason, may_arrive_twice: false } }),
      );
    case "skip":
      return answerOf(api.POST("/v1/runs/{run}/skip", { ...path, body }));
    case "goto":
      return answerOf(api.POST("/v1/runs/{run}/goto", { ...path, body: { reason, step } }));
    case "exit":
      return answerOf(api.POST("/v1/runs/{run}/exit", { ...path, body }));
    case "cancel":
      return answerOf(api.POST("/v1/runs/{run}/cancel", { ...path, body }));
  }
}

/** The repairs of one run: each says what it does, asks for a reason, and stands in the audit. */
export function RunRepairs({ run }: { run: RunDetail }) {
  const may = useMay("operate");
  const queries = useQueryClient();
  const [action, setAction] = useState<RepairAction | null>(null);
  const [step, setStep] = useState("");
  const steps = useSteps(action === "goto" ? run.journey : null);
  const list = useId();
  if (!may) {
    return null;
  }
  const at = run.step ?? words.its;
  return (
    <>
      {possibleRepairs(run).map((each) => (
        <Button key={each} variant="default" onClick={() => setAction(each)}>
          {words.oneActions[each]}
        </Button>
      ))}
      {action !== null && (
        <ConfirmPreview
          title={words.oneConfirm[action]}
          words={
            action === "goto"
              ? step === ""
                ? words.targetFirst
                : words.one.goto(at, step)
              : action === "skip"
                ? words.one.skip(at)
                : words.one[action]
          }
          confirm={words.oneConfirm[action]}
          blocked={action === "goto" && step === ""}
          danger={FINAL.includes(action)}
          reason
          act={(reason) => order(run.id, action, reason, step)}
          onDone={() => {
            setAction(null);
            setStep("");
            void queries.invalidateQueries({ queryKey: ["run", run.id] });
            void queries.invalidateQueries({ queryKey: ["explain", run.contact] });
          }}
          onClose={() => setAction(null)}
        >
          {action === "goto" && (
            <>
              <TextInput
                label={words.target}
                value={step}
                list={list}
                onChange={(event) => setStep(event.currentTarget.value.trim())}
                required
              />
              <datalist id={list}>
                {steps.map((each) => (
                  <option key={each} value={each} />
                ))}
              </datalist>
            </>
          )}
        </ConfirmPreview>
      )}
    </>
  );
}
