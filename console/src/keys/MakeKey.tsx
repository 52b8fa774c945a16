import {
  Button,
  Group,
  Modal,
  NativeSelect,
  NumberInput,
  Textarea,
  TextInput,
} from "@mantine/core";
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { answerOf, api } from "@/api/client";
import type { Model } from "@/api/models";
import { CommandLine } from "@/components/CommandLine";
import { ConfirmPreview } from "@/components/ConfirmPreview";
import { fromLocalInput } from "@/components/times";
import { texts } from "@/texts";
import { KEYS } from "./Keys";

const words = texts.keys;

type NewKey = Model<"NewKey">;
type Scope = NewKey["scope"];

const SCOPES = Object.keys(words.scopes) as Scope[];

interface Fields {
  name: string;
  scope: Scope;
  expires: string;
  source: string;
  origins: string;
  perMinute: number | null;
}

const EMPTY: Fields = {
  name: "",
  scope: "read",
  expires: "",
  source: "",
  origins: "",
  perMinute: null,
};

/** What the API takes of the fields: what is empty is left out. */
export function newKey(fields: Fields): NewKey {
  const origins = fields.origins.split(/\s+/).filter((each) => each !== "");
  const expires = fromLocalInput(fields.expires);
  const ingests = fields.scope === "ingest";
  return {
    scope: fields.scope,
    ...(fields.name.trim() === "" ? {} : { name: fields.name.trim() }),
    ...(expires === "" ? {} : { expires }),
    ...(fields.source.trim() === "" ? {} : { source: fields.source.trim() }),
    ...(ingests && origins.length > 0 ? { origins } : {}),
    ...(ingests && fields.perMinute !== null
      ? { address_events_per_minute: fields.perMinute }
      : {}),
  };
}

/** Makes a key, and shows it once. */
export function MakeKey({ onClose }: { onClose: () => void }) {
  const queries = useQueryClient();
  const [fields, setFields] = useState(EMPTY);
  const [made, setMade] = useState<Model<"MadeKey"> | null>(null);
  const set = (change: Partial<Fields>) => setFields((before) => ({ ...before, ...change }));
  if (made !== null) {
    return <Made made={made} onClose={onClose} />;
  }
  return (
    <ConfirmPreview
      title={words.making}
      words={words.makeWords}
      confirm={words.make}
      blocked={fields.name.trim() === ""}
      act={() => answerOf(api.POST("/v1/keys", { body: newKey(fields) }))}
      onDone={(key) => {
        setMade(key);
        void queries.invalidateQueries({ queryKey: KEYS });
      }}
      onClose={onClose}
    >
      <TextInput
        label={words.name}
        description={words.nameHint}
        value={fields.name}
        onChange={(event) => set({ name: event.currentTarget.value })}
        required
        data-autofocus
      />
      <NativeSelect
        label={words.scope}
        value={fields.scope}
        data={SCOPES.map((scope) => ({ value: scope, label: words.scopes[scope] }))}
        onChange={(event) =>
          set({ scope: SCOPES.find((each) => each === event.currentTarget.value) ?? "read" })
        }
      />
      <TextInput
        type="datetime-local"
        label={words.expires}
        description={words.expiresHint}
        value={fields.expires}
        onChange={(event) => set({ expires: event.currentTarget.value })}
      />
      <TextInput
        label={words.source}
        description={words.sourceHint}
        value={fields.source}
        onChange={(event) => set({ source: event.currentTarget.value })}
      />
      {fields.scope === "ingest" && (
        <>
          <Textarea
            label={words.origins}
            description={words.originsHint}
            value={fields.origins}
            onChange={(event) => set({ origins: event.currentTarget.value })}
            autosize
            minRows={2}
          />
          <NumberInput
            label={words.perMinute}
            description={words.perMinuteHint}
            value={fields.perMinute ?? ""}
            min={1}
            onChange={(value) => set({ perMinute: typeof value === "number" ? value : null })}
          />
        </>
      )}
    </ConfirmPreview>
  );
}

/** The new key: it leaves the page with this dialog, which only its button closes. */
function Made({ made, onClose }: { made: Model<"MadeKey">; onClose: () => void }) {
  return (
    <Modal
      opened
      onClose={onClose}
      title={words.made(made.name)}
      size="lg"
      withCloseButton={false}
      closeOnClickOutside={false}
      closeOnEscape={false}
    >
      <p>{words.madeWords}</p>
      <CommandLine command={made.key} />
      <Group justify="flex-end" mt="md">
        <Button onClick={onClose}>{words.close}</Button>
      </Group>
    </Modal>
  );
}
