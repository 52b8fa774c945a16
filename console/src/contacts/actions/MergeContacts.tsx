import { Text, TextInput } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useId, useState } from "react";
import { useLocation } from "wouter";
import { answerOf, api } from "@/api/client";
import type { Model } from "@/api/models";
import { BASE } from "@/app/base";
import { ConfirmPreview } from "@/components/ConfirmPreview";
import { FactList } from "@/components/FactList";
import { LoadingLine } from "@/components/LoadingLine";
import { ProblemNotice } from "@/components/ProblemNotice";
import { idOf, nameOf } from "@/contacts/naming";
import { texts } from "@/texts";
import type { ContactDialogProps } from "./dialog";

const words = texts.acting.merge;
const PAUSE = 250;

type Merged = Model<"MergedBody">;

/** Makes one contact of two: the server says before what it would have. */
export function MergeContacts({ contact, onClose }: ContactDialogProps) {
  const queries = useQueryClient();
  const [, navigate] = useLocation();
  const list = useId();
  const [typed, setTyped] = useState("");
  const [other] = useDebouncedValue(typed.trim(), PAUSE);
  const offered = useOffered(other, contact);
  const preview = useQuery({
    queryKey: ["merge-preview", contact, other],
    queryFn: () => merge(contact, other, { dry_run: true }),
    enabled: other !== "",
    staleTime: 0,
  });
  const ready = preview.data?.merged === true && other === typed.trim();
  return (
    <ConfirmPreview
      title={words.title}
      words={
        other === "" ? (
          words.first
        ) : preview.isError ? (
          <ProblemNotice error={preview.error} />
        ) : preview.data === undefined ? (
          <LoadingLine />
        ) : (
          <Becomes merged={preview.data} />
        )
      }
      confirm={words.confirm}
      blocked={!ready}
      danger
      reason
      act={(reason) => merge(contact, other, { reason })}
      onDone={(done) => {
        onClose();
        void queries.invalidateQueries();
        navigate(`~${BASE}/contacts/${encodeURIComponent(idOf(done.contact))}/timeline`);
      }}
      onClose={onClose}
    >
      <TextInput
        label={words.other}
        description={words.otherHint}
        value={typed}
        list={list}
        onChange={(event) => setTyped(event.currentTarget.value)}
        required
      />
      <datalist id={list}>
        {offered.map((each) => (
          <option key={each.id} value={idOf(each)}>
            {nameOf(each)}
          </option>
        ))}
      </datalist>
    </ConfirmPreview>
  );
}

/** Contacts that are found by what was typed. */
function useOffered(typed: string, contact: string): readonly Model<"ContactBody">[] {
  const found = useQuery({
    queryKey: ["contacts", "offered", typed],
    queryFn: () =>
      answerOf(api.GET("/v1/contacts", { params: { query: { q: typed, limit: 10 } } })),
    enabled: typed !== "",
  });
  return found.data?.items.filter((each) => idOf(each) !== contact) ?? [];
}

function merge(
  contact: string,
  other: string,
  more: { dry_run?: boolean; reason?: string },
): Promise<Merged> {
  return answerOf(
    api.POST("/v1/contacts/{contact}/merge", {
      params: { path: { contact } },
      body: { from: other, dry_run: false, ...more },
    }),
  );
}

function Becomes({ merged }: { merged: Merged }) {
  if (!merged.merged) {
    return words.one;
  }
  const { contact, alias, ended_runs: ended, left_out: out } = merged;
  const { email, phone, timezone, country, score, attributes } = contact;
  return (
    <>
      <Text fw={600}>{words.survives(nameOf(contact), alias)}</Text>
      {ended.length > 0 && <Text>{words.runs(ended.length)}</Text>}
      {out.length > 0 && <Text>{words.leftOut(out.join(", "))}</Text>}
      <Text>{words.consents}</Text>
      <Text mt="xs" className="quiet">
        {words.values}
      </Text>
      <FactList facts={{ email, phone, timezone, country, score, ...attributes }} />
    </>
  );
}
