import {
  Button,
  Group,
  List,
  NativeSelect,
  SegmentedControl,
  Stack,
  Switch,
  Text,
} from "@mantine/core";
import { useState } from "react";
import type { Model } from "@/api/models";
import { ApiProblem } from "@/api/problems";
import { useMay } from "@/api/session";
import { hasDarkColours } from "@/builder/trial/colourScheme";
import { MessageFrame } from "@/builder/trial/MessageFrame";
import { useFilter } from "@/components/filters";
import { LoadingLine } from "@/components/LoadingLine";
import { ProblemNotice } from "@/components/ProblemNotice";
import type { Edited } from "@/documents/DocumentEditor";
import { texts } from "@/texts";
import { SampleFields } from "./SampleFields";
import { SendTest } from "./SendTest";
import { usePreview, useSample } from "./sample";
import classes from "./templates.module.css";

const words = texts.templates;

type Previewed = Model<"TemplatePreview">;

const FORMS = ["html", "text", "sms"] as const;
type PreviewForm = (typeof FORMS)[number];

interface PreviewProps {
  template: string;
  edited: Edited;
}

/** A template as a contact would get it, while it is written. */
export function Preview({ template, edited }: PreviewProps) {
  const sample = useSample(useMay("read"));
  const mayOperate = useMay("operate");
  const { text } = edited.history;
  const preview = usePreview(text, sample.sample);
  const [form, setForm] = useFilter("as");
  const [width, setWidth] = useFilter("width");
  const [scheme, setScheme] = useFilter("colours");
  const [pictures, setPictures] = useFilter("pictures");
  const [testing, setTesting] = useState(false);
  const shown = preview.data;
  const forms = FORMS.filter((each) => shown !== undefined && has(shown, each));
  const wanted = FORMS.find((each) => each === form) ?? null;
  const chosen = wanted !== null && forms.includes(wanted) ? wanted : (forms[0] ?? null);
  return (
    <Stack gap="sm" component="section" aria-label={words.preview}>
      <SampleFields sample={sample} />
      <Group gap="sm" align="end">
        <NativeSelect
          size="xs"
          label={words.locale}
          value={sample.locale}
          data={[
            { value: "", label: words.localeOfContact },
            ...(shown?.locales ?? []).map((each) =>
              each === "" ? { value: "-", label: words.itself } : { value: each, label: each },
            ),
          ]}
          onChange={(event) => sample.setLocale(event.currentTarget.value)}
        />
        {forms.length > 1 && (
          <SegmentedControl
            size="xs"
            aria-label={words.as}
            value={chosen ?? ""}
            data={forms.map((each) => ({ value: each, label: words.forms[each] }))}
            onChange={setForm}
          />
        )}
        {chosen === "html" && (
          <>
            <SegmentedControl
              size="xs"
              aria-label={words.width}
              value={width === "phone" ? "phone" : "desktop"}
              data={[
                { value: "desktop", label: words.desktop },
                { value: "phone", label: words.phone },
              ]}
              onChange={(next) => setWidth(next === "phone" ? next : null)}
            />
            <SegmentedControl
              size="xs"
              aria-label={words.colours}
              value={scheme === "dark" ? "dark" : "light"}
              data={[
                { value: "light", label: words.light },
                { value: "dark", label: words.dark },
              ]}
              onChange={(next) => setScheme(next === "dark" ? next : null)}
            />
            <Switch
              size="xs"
              label={words.pictures}
              checked={pictures === "on"}
              onChange={(event) => setPictures(event.currentTarget.checked ? "on" : null)}
            />
          </>
        )}
        {mayOperate && (
          <Button
            variant="default"
            disabled={!edited.valid || shown === undefined}
            onClick={() => setTesting(true)}
          >
            {words.sendTest}
          </Button>
        )}
      </Group>
      {preview.isError && <PreviewProblem error={preview.error} stale={shown !== undefined} />}
      {shown === undefined ? (
        !preview.isError && <LoadingLine />
      ) : (
        <>
          <Head shown={shown} />
          {chosen === "html" && shown.html !== null && (
            <MessageFrame
              html={shown.html}
              narrow={width === "phone"}
              dark={scheme === "dark"}
              pictures={pictures === "on"}
            />
          )}
          {chosen === "html" && scheme === "dark" && shown.html !== null && (
            <DarkWords html={shown.html} />
          )}
          {chosen === "text" && <pre className={classes.text}>{shown.text}</pre>}
          {chosen === "sms" && <SmsText shown={shown} />}
          <Foot shown={shown} said={edited.problems} />
        </>
      )}
      {testing && (
        <SendTest
          template={template}
          text={text}
          sample={sample.sample}
          subject={shown?.subject ?? null}
          onClose={() => setTesting(false)}
        />
      )}
    </Stack>
  );
}

function has(shown: Previewed, form: PreviewForm): boolean {
  return shown[form] !== null;
}

/** Why there is no preview; mistakes of the text itself stand beside it already. */
function PreviewProblem({ error, stale }: { error: unknown; stale: boolean }) {
  if (error instanceof ApiProblem && error.code === "invalid_document") {
    return (
      <Text size="sm" role="status" className="quiet">
        {stale ? words.stale : words.mistakes}
      </Text>
    );
  }
  return <ProblemNotice error={error} />;
}

function Head({ shown }: { shown: Previewed }) {
  if (shown.subject === null && shown.preheader === null) {
    return null;
  }
  return (
    <div className={classes.head}>
      <Text fw={600}>{shown.subject ?? texts.parts.none}</Text>
      {shown.preheader !== null && (
        <Text size="sm" className="quiet">
          {shown.preheader}
        </Text>
      )}
    </div>
  );
}

function DarkWords({ html }: { html: string }) {
  return (
    <Text size="sm" className="quiet">
      {hasDarkColours(html) ? words.ownDark : words.noDark}
    </Text>
  );
}

function SmsText({ shown }: { shown: Previewed }) {
  const { sms, sms_parts: parts } = shown;
  return (
    <>
      <pre className={classes.sms}>{sms}</pre>
      {parts !== null && (
        <Text size="sm">{words.smsParts(parts.parts, parts.characters, parts.encoding)}</Text>
      )}
    </>
  );
}

/** Below a preview: what was wrong with it, what it prints, its size and its links. */
function Foot({ shown, said }: { shown: Previewed; said: Edited["problems"] }) {
  const known = said.map(({ message }) => message.split("\n")[0] ?? message);
  const warnings = shown.warnings.filter((each) => !known.some((one) => each.startsWith(one)));
  return (
    <>
      {warnings.length > 0 && (
        <section aria-label={texts.publishing.warnings}>
          <Text fw={600}>{texts.publishing.warnings}</Text>
          <List size="sm">
            {warnings.map((warning) => (
              <List.Item key={warning}>{warning}</List.Item>
            ))}
          </List>
        </section>
      )}
      <Text size="sm" className="quiet">
        {[
          shown.html_bytes === null ? null : words.size(shown.html_bytes),
          shown.prints.length === 0 ? null : words.prints(shown.prints.join(", ")),
        ]
          .filter((each) => each !== null)
          .join(" ")}
      </Text>
      {shown.links.length > 0 && (
        <details>
          <summary>{words.links(shown.links.length)}</summary>
          <List size="sm" mt="xs">
            {shown.links.map((link, place) => (
              // biome-ignore lint/suspicious/noArrayIndexKey: a link may stand twice.
              <List.Item key={place}>
                {link.words === "" ? words.picture : link.words}
                <div className="id">{link.url}</div>
              </List.Item>
            ))}
          </List>
        </details>
      )}
    </>
  );
}
