import { Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { answerOf, api } from "@/api/client";
import type { Model } from "@/api/models";
import { ConfirmPreview } from "@/components/ConfirmPreview";
import { LoadingLine } from "@/components/LoadingLine";
import { ProblemNotice } from "@/components/ProblemNotice";
import { texts } from "@/texts";

const words = texts.log;

export type DeadAction = "replay" | "dismiss";
type Answer = Model<"DeadEventAnswer">;

/** The API wants a reason also of a preview, which it does not keep. */
const PREVIEWED = "preview";

function order(
  action: DeadAction,
  code: string,
  reason: string,
  preview: boolean,
): Promise<Answer> {
  const body = { code, reason, preview };
  return action === "replay"
    ? answerOf(api.POST("/v1/events/dead/replay", { body }))
    : answerOf(api.POST("/v1/events/dead/dismiss", { body }));
}

interface DeadOrderProps {
  action: DeadAction;
  code: string;
  onDone: (said: string) => void;
  onClose: () => void;
}

/** Dispatches the dead events of a code again, or gives them up for good. */
export function DeadOrder({ action, code, onDone, onClose }: DeadOrderProps) {
  const preview = useQuery({
    queryKey: ["dead-preview", action, code],
    queryFn: () => order(action, code, PREVIEWED, true),
    staleTime: 0,
  });
  const replays = action === "replay";
  return (
    <ConfirmPreview
      title={replays ? words.replayDead(code) : words.dismissDead(code)}
      words={
        <>
          {preview.isError && <ProblemNotice error={preview.error} />}
          {preview.isPending && <LoadingLine />}
          {preview.data !== undefined && <Text>{preview.data.words}</Text>}
          <Text className="quiet">{replays ? words.deadReplayWords : words.deadDismissWords}</Text>
        </>
      }
      confirm={replays ? words.dispatchAgain : words.dismiss}
      blocked={preview.data === undefined || preview.data.count === 0}
      danger={!replays}
      reason
      act={(reason) => order(action, code, reason, false)}
      onDone={(answer) => onDone(answer.words)}
      onClose={onClose}
    />
  );
}
