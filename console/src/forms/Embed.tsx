import { Button, Stack, Text } from "@mantine/core";
import { useClipboard } from "@mantine/hooks";
import { useQuery } from "@tanstack/react-query";
import { answerOf, api } from "@/api/client";
import { readDocument } from "@/api/documents";
import { openText } from "@/builder/document/reading";
import { isValueMap, nodeValue } from "@/builder/document/values";
import { LoadingLine } from "@/components/LoadingLine";
import { ProblemNotice } from "@/components/ProblemNotice";
import { Section } from "@/components/Section";
import { texts } from "@/texts";
import { embedding, formFields } from "./embedding";
import classes from "./forms.module.css";

const words = texts.forms.embed;

/** The text of a form as it was saved, and the address of its page. */
async function readEmbedding(form: string): Promise<{ text: string; address: string | null }> {
  const text = (await readDocument("form", form))?.source ?? "";
  const { address } = await answerOf(
    api.POST("/v1/forms/preview", { body: { text, page: "form" } }),
  );
  return { text, address };
}

/** How a form is shown: by its address, in a frame, or on a page of one's own. */
export function Embed({ form }: { form: string }) {
  const found = useQuery({ queryKey: ["embedding", form], queryFn: () => readEmbedding(form) });
  if (found.data === undefined) {
    return found.isError ? <ProblemNotice error={found.error} /> : <LoadingLine />;
  }
  const { address, text } = found.data;
  if (address === null) {
    return <Text>{words.noAddress}</Text>;
  }
  const [document] = openText(text).documents;
  const value = document === undefined ? null : nodeValue(document, document.tree.contents);
  const snippet = embedding(form, address, isValueMap(value) ? formFields(value) : []);
  return (
    <Stack gap="md">
      <Text>{words.hint}</Text>
      <Snippet title={words.address} line={words.addressHint} text={address} />
      <Snippet title={words.ownPage} line={words.ownPageHint} text={snippet} />
      <Snippet
        title={words.frame}
        line={words.frameHint}
        text={`<iframe src="${address}" title="${form}" width="100%" height="600"></iframe>`}
      />
    </Stack>
  );
}

function Snippet({ title, line, text }: { title: string; line: string; text: string }) {
  const { copied, copy } = useClipboard({ timeout: 1500 });
  return (
    <Section
      title={title}
      line={line}
      actions={
        <Button
          variant="default"
          size="compact-sm"
          aria-label={texts.parts.copyOf(title)}
          onClick={() => copy(text)}
        >
          {copied ? texts.parts.copied : texts.parts.copy}
        </Button>
      }
    >
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls is reached by keyboard. */}
      <pre tabIndex={0} className={classes.snippet}>
        {text}
      </pre>
    </Section>
  );
}
