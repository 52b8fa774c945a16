import { useDebouncedValue } from "@mantine/hooks";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { answerOf, api } from "@/api/client";
import type { Model } from "@/api/models";
import type { Value } from "@/builder/document/values";
import { type ReadLines, readValues } from "@/builder/trial/script";

/** Milliseconds after the last change until a preview is asked for. */
const PAUSE = 350;

/** For whom a template is shown. */
export type Who = "invented" | "contact";

/** Whose values a preview and a test message print, and in which language. */
export type Sample = Pick<Model<"TextSample">, "contact" | "variables" | "locale">;

type Values = { readonly [name: string]: Value };

/** Names with dots as mappings inside each other: `code.code` is the code that a step left. */
export function nested(values: Values): { [name: string]: Value } {
  const root: { [name: string]: Value } = {};
  for (const [name, value] of Object.entries(values)) {
    const parts = name.split(".");
    const last = parts.pop() ?? name;
    let inner = root;
    for (const part of parts) {
      const known = inner[part];
      const next =
        typeof known === "object" && known !== null && !Array.isArray(known)
          ? { ...(known as { [name: string]: Value }) }
          : {};
      inner[part] = next;
      inner = next;
    }
    inner[last] = value;
  }
  return root;
}

function valuesOf(lines: ReadLines<Values>): { [name: string]: Value } {
  return lines.ok ? nested(lines.read) : {};
}

/** What is chosen above a preview. */
export function useSample(mayRead: boolean) {
  const [who, setWho] = useState<Who>("invented");
  const [contact, setContact] = useState("");
  const [person, setPerson] = useState("email: ada@example.com\nfirst_name: Ada");
  const [entry, setEntry] = useState("");
  const [steps, setSteps] = useState("");
  const [locale, setLocale] = useState("");
  const read = { person: readValues(person), entry: readValues(entry), steps: readValues(steps) };
  const known = mayRead && who === "contact";
  const sample: Sample = {
    contact: known && contact !== "" ? contact : null,
    variables: {
      ...(known ? {} : { contact: valuesOf(read.person) }),
      entry: valuesOf(read.entry),
      steps: valuesOf(read.steps),
    },
    locale: locale === "" ? null : locale,
  };
  return {
    ...{ who, setWho, contact, setContact, person, setPerson, entry, setEntry, steps, setSteps },
    ...{ locale, setLocale, read, sample },
  };
}

export type SampleState = ReturnType<typeof useSample>;

/** A text of a template as it would look; the last one that could be shown stays meanwhile. */
export function usePreview(text: string, sample: Sample) {
  const [asked] = useDebouncedValue(JSON.stringify({ text, ...sample }), PAUSE);
  return useQuery({
    queryKey: ["template-preview", asked],
    queryFn: () =>
      answerOf(
        api.POST("/v1/templates/preview", { body: JSON.parse(asked) as Model<"TextSample"> }),
      ),
    placeholderData: keepPreviousData,
    staleTime: 5_000,
    gcTime: 30_000,
    retry: false,
  });
}
