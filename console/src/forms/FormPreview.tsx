import { Group, NativeSelect, SegmentedControl, Stack, Text } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { answerOf, api } from "@/api/client";
import type { Model } from "@/api/models";
import { ApiProblem } from "@/api/problems";
import { MessageFrame } from "@/builder/trial/MessageFrame";
import { useFilter } from "@/components/filters";
import { LoadingLine } from "@/components/LoadingLine";
import { ProblemNotice } from "@/components/ProblemNotice";
import type { Edited } from "@/documents/DocumentEditor";
import { texts } from "@/texts";

const words = texts.forms;

/** Milliseconds after the last change until a preview is asked for. */
const PAUSE = 350;

type FormText = Model<"FormText">;

function useFormPreview(order: FormText) {
  const [asked] = useDebouncedValue(JSON.stringify(order), PAUSE);
  return useQuery({
    queryKey: ["form-preview", asked],
    queryFn: () => answerOf(api.POST("/v1/forms/preview", { body: JSON.parse(asked) as FormText })),
    placeholderData: keepPreviousData,
    staleTime: 5_000,
    gcTime: 30_000,
    retry: false,
  });
}

/** The page of a form as its visitors would see it, while it is written. */
export function FormPreview({ edited }: { edited: Edited }) {
  const [locale, setLocale] = useState("");
  const [view, setView] = useFilter("as");
  const [width, setWidth] = useFilter("width");
  const [scheme, setScheme] = useFilter("colours");
  const page = view === "thanks" ? "thanks" : "form";
  const preview = useFormPreview({
    text: edited.history.text,
    locale: locale === "" ? null : locale,
    page,
  });
  const shown = preview.data;
  const mistakes = preview.error instanceof ApiProblem && preview.error.code === "invalid_document";
  return (
    <Stack gap="sm" component="section" aria-label={texts.templates.preview}>
      <Group gap="sm" align="end">
        {(shown?.locales.length ?? 0) > 1 && (
          <NativeSelect
            size="xs"
            label={texts.templates.locale}
            value={locale === "" ? shown?.locale : locale}
            data={shown?.locales ?? []}
            onChange={(event) => setLocale(event.currentTarget.value)}
          />
        )}
        <SegmentedControl
          size="xs"
          aria-label={texts.templates.as}
          value={page}
          data={[
            { value: "form", label: words.page },
            { value: "thanks", label: words.thanks },
          ]}
          onChange={(next) => setView(next === "thanks" ? next : null)}
        />
        <SegmentedControl
          size="xs"
          aria-label={texts.templates.width}
          value={width === "phone" ? "phone" : "desktop"}
          data={[
            { value: "desktop", label: texts.templates.desktop },
            { value: "phone", label: texts.templates.phone },
          ]}
          onChange={(next) => setWidth(next === "phone" ? next : null)}
        />
        <SegmentedControl
          size="xs"
          aria-label={texts.templates.colours}
          value={scheme === "dark" ? "dark" : "light"}
          data={[
            { value: "light", label: texts.templates.light },
            { value: "dark", label: texts.templates.dark },
          ]}
          onChange={(next) => setScheme(next === "dark" ? next : null)}
        />
      </Group>
      {preview.isError &&
        (mistakes ? (
          <Text size="sm" role="status" className="quiet">
            {shown === undefined ? texts.templates.mistakes : texts.templates.stale}
          </Text>
        ) : (
          <ProblemNotice error={preview.error} />
        ))}
      {shown === undefined ? (
        !preview.isError && <LoadingLine />
      ) : page === "thanks" && shown.leads_to !== null ? (
        <Text>{words.leadsTo(shown.leads_to)}</Text>
      ) : (
        <MessageFrame
          html={shown.html}
          narrow={width === "phone"}
          dark={scheme === "dark"}
          title={words.frame}
        />
      )}
    </Stack>
  );
}
