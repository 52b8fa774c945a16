import { useState } from "react";
import { answerOf, api } from "@/api/client";
import { ConfirmPreview } from "@/components/ConfirmPreview";
import { type Overdue, OverdueChoice } from "@/components/OverdueChoice";
import { texts } from "@/texts";

const words = texts.pausing;

interface ResumeDialogProps {
  journey: string;
  /** How many sends wait for it. */
  held: number;
  onDone: (job: string | null) => void;
  onClose: () => void;
}

/** Lets a paused journey go on, with the policy for what was due meanwhile. */
export function ResumeDialog({ journey, held, onDone, onClose }: ResumeDialogProps) {
  const [overdue, setOverdue] = useState<Overdue>("send");
  return (
    <ConfirmPreview
      title={words.resumeTitle(journey)}
      words={words.resumeWords(journey, held)}
      confirm={words.resume}
      act={() =>
        answerOf(
          api.POST("/v1/journeys/{key}/resume", {
            params: { path: { key: journey } },
            body: { overdue: overdue ?? "send" },
          }),
        )
      }
      onDone={(answer) => onDone(answer.job ?? null)}
      onClose={onClose}
    >
      <OverdueChoice value={overdue} onChange={setOverdue} />
    </ConfirmPreview>
  );
}
