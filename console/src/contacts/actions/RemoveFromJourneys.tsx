import { NativeSelect, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { answerOf, api } from "@/api/client";
import { ConfirmPreview } from "@/components/ConfirmPreview";
import { LoadingLine } from "@/components/LoadingLine";
import { ProblemNotice } from "@/components/ProblemNotice";
import { texts } from "@/texts";
import { type ContactDialogProps, useContactChanged } from "./dialog";

const words = texts.acting.remove;

/** Ends the active runs of a contact, in one journey or in all. */
export function RemoveFromJourneys({ contact, onClose }: ContactDialogProps) {
  const changed = useContactChanged();
  const [journey, setJourney] = useState("");
  const runs = useActiveRuns(contact);
  const all = runs.data ?? [];
  const meant = all.filter((run) => journey === "" || run.journey === journey);
  return (
    <ConfirmPreview
      title={words.title}
      words={
        runs.isError ? (
          <ProblemNotice error={runs.error} />
        ) : runs.data === undefined ? (
          <LoadingLine />
        ) : meant.length === 0 ? (
          words.none
        ) : (
          <>
            <Text>{words.ends(meant.length)}</Text>
            <ul>
              {meant.map((run) => (
                <li key={run.id}>{words.standsAt(run.journey, run.step)}</li>
              ))}
            </ul>
            <Text className="quiet">{words.after}</Text>
          </>
        )
      }
      confirm={words.confirm(meant.length)}
      blocked={meant.length === 0}
      danger
      reason
      act={(reason) => removeAll(contact, journey === "" ? null : journey, reason)}
      onDone={() => {
        void changed();
        onClose();
      }}
      onClose={onClose}
    >
      <NativeSelect
        label={words.from}
        value={journey}
        data={[
          { value: "", label: words.all },
          ...[...new Set(all.map((run) => run.journey))].map((each) => ({
            value: each,
            label: each,
          })),
        ]}
        onChange={(event) => setJourney(event.currentTarget.value)}
      />
    </ConfirmPreview>
  );
}

/** The active runs of a contact. */
export function useActiveRuns(contact: string) {
  return useQuery({
    queryKey: ["contact-runs", contact, "active"],
    queryFn: () =>
      answerOf(
        api.GET("/v1/contacts/{contact}/runs", {
          params: { path: { contact }, query: { state: "active", limit: 100 } },
        }),
      ),
    select: ({ items }) => items,
  });
}

async function removeAll(contact: string, journey: string | null, reason: string): Promise<void> {
  let more = true;
  while (more) {
    const answer = await answerOf(
      api.POST("/v1/contacts/{contact}/remove", {
        params: { path: { contact } },
        body: { reason, ...(journey === null ? {} : { journey }) },
      }),
    );
    more = answer.more;
  }
}
