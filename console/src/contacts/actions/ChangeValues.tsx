import { Title } from "@mantine/core";
import { useState } from "react";
import { answerOf, api } from "@/api/client";
import type { Model } from "@/api/models";
import { ConfirmPreview } from "@/components/ConfirmPreview";
import { Difference } from "@/components/Difference";
import { FIELDS, useAttributeNames } from "@/contacts/fields";
import { type Read, readRows, rowOf, type ValueRow } from "@/contacts/values";
import { texts } from "@/texts";
import { type ContactDialogProps, useContactChanged } from "./dialog";
import { AttributeRows, ValueField } from "./ValueFields";
import classes from "./ValueFields.module.css";

const words = texts.acting.change;

type Changes = Readonly<Record<string, unknown>>;

/** The body of a change from what a form says. */
export function changeOf(fields: Changes, attributes: Changes, reason: string | null) {
  return {
    ...fields,
    ...(Object.keys(attributes).length === 0 ? {} : { attributes: { ...attributes } }),
    ...(reason === null ? {} : { reason }),
  } as Model<"ContactChanges">;
}

/** What is wrong with a form, in words; null if nothing is. */
export function wrongOf(...read: readonly Read[]): string | null {
  const wrong = read.find((each) => !each.ok);
  return wrong === undefined || wrong.ok ? null : words.wrong(wrong.name, words.types[wrong.type]);
}

interface FieldInputsProps {
  rows: readonly ValueRow[];
  onChange: (rows: readonly ValueRow[]) => void;
}

/** The fields that every contact has. */
export function FieldInputs({ rows, onChange }: FieldInputsProps) {
  return (
    <fieldset className={classes.fields} aria-label={words.fields}>
      {FIELDS.map(({ name, label }, place) => {
        const row = rows[place];
        return (
          row !== undefined && (
            <ValueField
              key={name}
              row={row}
              label={label}
              named
              onChange={(next) => onChange(rows.map((each, at) => (at === place ? next : each)))}
            />
          )
        );
      })}
    </fieldset>
  );
}

/** Changes fields and attributes of a contact: what differs is shown before it is done. */
export function ChangeValues({ body, contact, onClose }: ContactDialogProps) {
  const changed = useContactChanged();
  const known = useAttributeNames();
  const before: Changes = body;
  const [fields, setFields] = useState<readonly ValueRow[]>(() =>
    FIELDS.map(({ name, type }) => rowOf(name, before[name], type)),
  );
  const [rows, setRows] = useState<readonly ValueRow[]>(() =>
    Object.entries(body.attributes).map(([name, value]) => rowOf(name, value)),
  );
  const ofFields = readRows(before, fields);
  const ofAttributes = readRows(body.attributes, rows);
  const wrong = wrongOf(ofFields, ofAttributes);
  const changes = {
    ...(ofFields.ok ? ofFields.changes : {}),
    ...(ofAttributes.ok ? ofAttributes.changes : {}),
  };
  const names = Object.keys(changes);
  const old = Object.fromEntries(
    names.map((name) => [name, name in body.attributes ? body.attributes[name] : before[name]]),
  );
  return (
    <ConfirmPreview
      title={words.title}
      words={wrong ?? (names.length === 0 ? words.none : words.happens(names.length))}
      confirm={words.confirm(names.length)}
      blocked={wrong !== null || names.length === 0}
      reason
      act={(reason) =>
        answerOf(
          api.PUT("/v1/contacts/{contact}", {
            params: { path: { contact } },
            body: changeOf(
              ofFields.ok ? ofFields.changes : {},
              ofAttributes.ok ? ofAttributes.changes : {},
              reason,
            ),
          }),
        )
      }
      onDone={() => {
        void changed();
        onClose();
      }}
      onClose={onClose}
    >
      <FieldInputs rows={fields} onChange={setFields} />
      <div>
        <Title order={3} size="h5" mb="xs">
          {words.attributes}
        </Title>
        <AttributeRows
          rows={rows}
          known={known}
          fixed={Object.keys(body.attributes).length}
          onChange={setRows}
        />
      </div>
      {names.length > 0 && <Difference before={old} after={changes} />}
    </ConfirmPreview>
  );
}
