import { Checkbox, Stack, Text, TextInput } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useId, useState } from "react";
import { answerOf, api } from "@/api/client";
import { ConfirmPreview } from "@/components/ConfirmPreview";
import { useGroupKeys } from "@/contacts/fields";
import { texts } from "@/texts";
import { type ContactDialogProps, useContactChanged } from "./dialog";

const words = texts.acting.groups;

/** Puts a contact into a group, and takes it out of others. */
export function ChangeGroups({ contact, onClose }: ContactDialogProps) {
  const changed = useContactChanged();
  const list = useId();
  const keys = useGroupKeys();
  const [left, setLeft] = useState<readonly string[]>([]);
  const [joined, setJoined] = useState("");
  const groups = useQuery({
    queryKey: ["groups", contact, "all"],
    queryFn: () =>
      answerOf(
        api.GET("/v1/contacts/{contact}/groups", {
          params: { path: { contact }, query: { limit: 500 } },
        }),
      ),
    select: ({ items }) => items.map((each) => each.group),
  });
  const here = groups.data ?? [];
  const join = joined.trim();
  const joins = join !== "" && !here.includes(join);
  async function act() {
    if (joins) {
      await answerOf(
        api.POST("/v1/groups/{key}/contacts", {
          params: { path: { key: join } },
          body: { contacts: [contact] },
        }),
      );
    }
    for (const key of left) {
      await answerOf(
        api.DELETE("/v1/groups/{key}/contacts", {
          params: { path: { key } },
          body: { contacts: [contact] },
        }),
      );
    }
  }
  return (
    <ConfirmPreview
      title={words.title}
      words={
        !joins && left.length === 0 ? (
          words.none
        ) : (
          <>
            {joins && <Text>{words.joins(join)}</Text>}
            {left.length > 0 && <Text>{words.leaves(left.join(", "))}</Text>}
            <Text className="quiet">{words.after}</Text>
          </>
        )
      }
      confirm={words.confirm}
      blocked={!joins && left.length === 0}
      act={act}
      onDone={() => {
        void changed();
        onClose();
      }}
      onClose={onClose}
    >
      <TextInput
        label={words.join}
        description={words.joinHint}
        value={joined}
        list={list}
        maxLength={200}
        onChange={(event) => setJoined(event.currentTarget.value)}
        data-autofocus
      />
      <datalist id={list}>
        {keys
          .filter((each) => !here.includes(each))
          .map((each) => (
            <option key={each} value={each} />
          ))}
      </datalist>
      {here.length > 0 && (
        <Checkbox.Group label={words.stays} value={here.filter((each) => !left.includes(each))}>
          <Stack gap="xs" mt="xs">
            {here.map((each) => (
              <Checkbox
                key={each}
                value={each}
                label={each}
                onChange={(event) =>
                  setLeft(
                    event.currentTarget.checked
                      ? left.filter((key) => key !== each)
                      : [...left, each],
                  )
                }
              />
            ))}
          </Stack>
        </Checkbox.Group>
      )}
    </ConfirmPreview>
  );
}
