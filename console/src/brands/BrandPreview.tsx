import { Group, NativeSelect, SegmentedControl, Stack, Switch, Text } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { answerOf, api } from "@/api/client";
import type { Model } from "@/api/models";
import { ApiProblem } from "@/api/problems";
import { MessageFrame } from "@/builder/trial/MessageFrame";
import { FactList } from "@/components/FactList";
import { useFilter } from "@/components/filters";
import { LoadingLine } from "@/components/LoadingLine";
import { ProblemNotice } from "@/components/ProblemNotice";
import type { Edited } from "@/documents/DocumentEditor";
import { texts } from "@/texts";

const words = texts.brands;
const shared = texts.templates;

/** Milliseconds after the last change until a preview is asked for. */
const PAUSE = 350;

type BrandText = Model<"BrandText">;

function useBrandPreview(order: BrandText) {
  const [asked] = useDebouncedValue(JSON.stringify(order), PAUSE);
  return useQuery({
    queryKey: ["brand-preview", asked],
    queryFn: () =>
      answerOf(api.POST("/v1/brands/preview", { body: JSON.parse(asked) as BrandText })),
    placeholderData: keepPreviousData,
    staleTime: 5_000,
    gcTime: 30_000,
    retry: false,
  });
}

/** What readers see of a brand while it is written: the sender of its mail, and a page behind it. */
export function BrandPreview({ edited }: { edited: Edited }) {
  const [locale, setLocale] = useState("");
  const [width, setWidth] = useFilter("width");
  const [scheme, setScheme] = useFilter("colours");
  const [pictures, setPictures] = useFilter("pictures");
  const preview = useBrandPreview({
    text: edited.history.text,
    locale: locale === "" ? null : locale,
  });
  const shown = preview.data;
  const mistakes = preview.error instanceof ApiProblem && preview.error.code === "invalid_document";
  return (
    <Stack gap="sm" component="section" aria-label={shared.preview}>
      <Group gap="sm" align="end">
        {shown !== undefined && (
          <NativeSelect
            size="xs"
            label={shared.locale}
            value={locale === "" ? shown.locale : locale}
            data={shown.locales}
            onChange={(event) => setLocale(event.currentTarget.value)}
          />
        )}
        <SegmentedControl
          size="xs"
          aria-label={shared.width}
          value={width === "phone" ? "phone" : "desktop"}
          data={[
            { value: "desktop", label: shared.desktop },
            { value: "phone", label: shared.phone },
          ]}
          onChange={(next) => setWidth(next === "phone" ? next : null)}
        />
        <SegmentedControl
          size="xs"
          aria-label={shared.colours}
          value={scheme === "dark" ? "dark" : "light"}
          data={[
            { value: "light", label: shared.light },
            { value: "dark", label: shared.dark },
          ]}
          onChange={(next) => setScheme(next === "dark" ? next : null)}
        />
        <Switch
          size="xs"
          label={shared.pictures}
          checked={pictures === "on"}
          onChange={(event) => setPictures(event.currentTarget.checked ? "on" : null)}
        />
      </Group>
      {preview.isError &&
        (mistakes ? (
          <Text size="sm" role="status" className="quiet">
            {shown === undefined ? shared.mistakes : shared.stale}
          </Text>
        ) : (
          <ProblemNotice error={preview.error} />
        ))}
      {shown === undefined ? (
        !preview.isError && <LoadingLine />
      ) : (
        <>
          <FactList facts={factsOf(shown)} />
          <Text size="sm" className="quiet">
            {words.pageHint}
          </Text>
          <MessageFrame
            html={shown.html}
            narrow={width === "phone"}
            dark={scheme === "dark"}
            pictures={pictures === "on"}
            title={words.frame}
          />
        </>
      )}
    </Stack>
  );
}

/** Who its mail is from, as a mail program shows it. */
function factsOf(shown: Model<"BrandPreview">): Readonly<Record<string, string>> {
  return {
    [words.mailFrom]: shown.sender ?? words.usualSender,
    ...(shown.reply_to === null ? {} : { [words.answersTo]: shown.reply_to }),
  };
}
