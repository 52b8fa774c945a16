import { useQueryClient } from "@tanstack/react-query";
import { useLocation } from "wouter";
import { BASE } from "@/app/base";
import { channelOf, FREEZES } from "@/health/freezes";
import { ResumeDialog } from "@/health/ResumeDialog";
import { UnfreezeDialog } from "@/health/UnfreezeDialog";
import { useFreezes } from "@/health/useFreezes";
import { RepairDialog } from "@/runs/RepairDialog";
import { texts } from "@/texts";
import type { Item } from "./attention";

interface FixDialogProps {
  /** As it was when its button was pressed: it stays open if the thing is gone meanwhile. */
  item: Item;
  onClose: () => void;
}

/** What the button of an item opens; once it is done, what needs a person is read again. */
export function FixDialog({ item, onClose }: FixDialogProps) {
  const queries = useQueryClient();
  const [, navigate] = useLocation();
  const { kind, journey, step, reason } = item;
  function done() {
    onClose();
    void queries.invalidateQueries({ queryKey: ["attention"] });
    void queries.invalidateQueries({ queryKey: ["readiness"] });
    void queries.invalidateQueries({ queryKey: FREEZES });
  }
  if (kind === "frozen") {
    return <Unfreeze item={item} onDone={done} onClose={onClose} />;
  }
  if (journey === null) {
    return null;
  }
  if (kind === "paused") {
    return <ResumeDialog journey={journey} held={item.count} onDone={done} onClose={onClose} />;
  }
  return (
    <RepairDialog
      action="retry"
      chosen={{
        journey,
        ...(step === null ? {} : { step }),
        ...(reason === null ? {} : { code: reason }),
      }}
      journey={journey}
      twice={kind === "unknown"}
      note={kind === "failed" ? texts.attention.willFail : undefined}
      onBegun={(job) => {
        done();
        navigate(`~${BASE}/jobs/${job.id}`);
      }}
      onClose={onClose}
    />
  );
}

interface UnfreezeProps {
  item: Item;
  onDone: () => void;
  onClose: () => void;
}

/** Ends the freeze that an item is about. */
function Unfreeze({ item, onDone, onClose }: UnfreezeProps) {
  const freeze = useFreezes().find(
    (each) => each.channel === item.subject && each.frozen_at === item.since,
  );
  return (
    freeze !== undefined && (
      <UnfreezeDialog
        freeze={freeze}
        held={channelOf(item.subject) === null && item.count === 0 ? null : item.count}
        onDone={onDone}
        onClose={onClose}
      />
    )
  );
}
