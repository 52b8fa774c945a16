import { Text, TextInput, Title } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useLocation } from "wouter";
import { answerOf, api } from "@/api/client";
import { isNotFound } from "@/api/problems";
import { ConfirmPreview } from "@/components/ConfirmPreview";
import { PlaceLink } from "@/components/PlaceLink";
import { FIELDS, useAttributeNames } from "@/contacts/fields";
import { placeOf } from "@/contacts/naming";
import { readRows, rowOf, type ValueRow } from "@/contacts/values";
import { texts } from "@/texts";
import { changeOf, FieldInputs, wrongOf } from "./ChangeValues";
import { AttributeRows } from "./ValueFields";

const words = texts.acting.create;
const PAUSE = 250;
const NOTHING = {};

/** Makes a contact with an id of one's own systems. */
export function NewContact({ onClose }: { onClose: () => void }) {
  const queries = useQueryClient();
  const [, navigate] = useLocation();
  const known = useAttributeNames();
  const [typed, setTyped] = useState("");
  const id = typed.trim();
  const [asked] = useDebouncedValue(id, PAUSE);
  const [fields, setFields] = useState<readonly ValueRow[]>(() =>
    FIELDS.map(({ name, type }) => rowOf(name, null, type)),
  );
  const [rows, setRows] = useState<readonly ValueRow[]>([]);
  const free = useQuery({
    queryKey: ["contact", asked, "free"],
    queryFn: () => isFree(asked),
    enabled: asked !== "",
  });
  const taken = free.data === false && asked === id;
  const ofFields = readRows(NOTHING, fields);
  const ofAttributes = readRows(NOTHING, rows);
  const wrong = wrongOf(ofFields, ofAttributes);
  return (
    <ConfirmPreview
      title={words.title}
      words={
        taken ? (
          <>
            {words.known} <PlaceLink to={placeOf(id)}>{words.open}</PlaceLink>
          </>
        ) : (
          (wrong ?? words.words(id))
        )
      }
      confirm={words.confirm}
      blocked={id === "" || asked !== id || free.data !== true || wrong !== null}
      act={() =>
        answerOf(
          api.PUT("/v1/contacts/{contact}", {
            params: { path: { contact: id } },
            body: changeOf(
              ofFields.ok ? ofFields.changes : NOTHING,
              ofAttributes.ok ? ofAttributes.changes : NOTHING,
              null,
            ),
          }),
        )
      }
      onDone={() => {
        void queries.invalidateQueries({ queryKey: ["contacts"] });
        queries.removeQueries({ queryKey: ["contact", id] });
        navigate(placeOf(id));
      }}
      onClose={onClose}
    >
      <TextInput
        label={words.id}
        description={words.idHint}
        value={typed}
        maxLength={500}
        onChange={(event) => setTyped(event.currentTarget.value)}
        required
        data-autofocus
      />
      <FieldInputs rows={fields} onChange={setFields} />
      <div>
        <Title order={3} size="h5" mb="xs">
          {texts.acting.change.attributes}
        </Title>
        {rows.length === 0 && (
          <Text size="sm" className="quiet" mb="xs">
            {texts.contacts.profile.noAttributes}
          </Text>
        )}
        <AttributeRows rows={rows} known={known} fixed={0} onChange={setRows} />
      </div>
    </ConfirmPreview>
  );
}

async function isFree(id: string): Promise<boolean> {
  try {
    await answerOf(api.GET("/v1/contacts/{contact}", { params: { path: { contact: id } } }));
    return false;
  } catch (error) {
    if (isNotFound(error)) {
      return true;
    }
    throw error;
  }
}
