import { Button } from "@mantine/core";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useLocation } from "wouter";
import { answerOf, api } from "@/api/client";
import { BASE } from "@/app/base";
import { CommandLine } from "@/components/CommandLine";
import { FREEZES } from "@/health/freezes";
import { ResumeDialog } from "@/health/ResumeDialog";
import { UnfreezeDialog } from "@/health/UnfreezeDialog";
import { RepairDialog } from "@/runs/RepairDialog";
import { texts } from "@/texts";
import type { Item } from "./attention";

const words = texts.attention;

/** Whether the dialog of a fix is open; once it is done, what needs a person is read again. */
function useFix() {
  const queries = useQueryClient();
  const [open, setOpen] = useState(false);
  return {
    open,
    begin: () => setOpen(true),
    close: () => setOpen(false),
    done: () => {
      setOpen(false);
      void queries.invalidateQueries({ queryKey: ["attention"] });
    },
  };
}

/** Tries sends again, or sends messages again, by a job that is opened then. */
export function RetryFix({ item, journey }: { item: Item; journey: string }) {
  const fix = useFix();
  const [, navigate] = useLocation();
  const { step, reason, kind } = item;
  return (
    <>
      <Button variant="default" onClick={fix.begin}>
        {kind === "retrying" ? words.retry : words.sendAgain}
      </Button>
      {fix.open && (
        <RepairDialog
          action="retry"
          chosen={{
            journey,
            ...(step === null ? {} : { step }),
            ...(reason === null ? {} : { code: reason }),
          }}
          journey={journey}
          twice={kind === "unknown"}
          onBegun={(job) => {
            fix.done();
            navigate(`~${BASE}/jobs/${job.id}`);
          }}
          onClose={fix.close}
        />
      )}
    </>
  );
}

/** Lets a paused journey go on. */
export function ResumeFix({ journey, held }: { journey: string; held: number }) {
  const fix = useFix();
  return (
    <>
      <Button variant="default" onClick={fix.begin}>
        {words.resume}
      </Button>
      {fix.open && (
        <ResumeDialog journey={journey} held={held} onDone={fix.done} onClose={fix.close} />
      )}
    </>
  );
}

/** Ends the freeze that an item is about. */
export function UnfreezeFix({ item }: { item: Item }) {
  const fix = useFix();
  const freezes = useQuery({
    queryKey: [...FREEZES, "newest"],
    queryFn: () => answerOf(api.GET("/v1/freezes", { params: { query: { limit: 100 } } })),
  });
  const freeze = freezes.data?.items.find(
    (each) => each.channel === item.subject && each.frozen_at === item.since,
  );
  if (freeze === undefined) {
    return <CommandLine command={item.command} />;
  }
  return (
    <>
      <Button variant="default" onClick={fix.begin}>
        {words.unfreeze}
      </Button>
      {fix.open && (
        <UnfreezeDialog
          channel={freeze.channel}
          stops={freeze.stops}
          onDone={fix.done}
          onClose={fix.close}
        />
      )}
    </>
  );
}
