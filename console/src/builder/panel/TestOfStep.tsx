import { Button } from "@mantine/core";
import { lazy, Suspense, useState } from "react";
import { useMay } from "@/api/session";
import type { ValueMap } from "@/builder/document/values";
import { texts } from "@/texts";

const SendTest = lazy(async () => ({
  default: (await import("@/templates/SendTest")).SendTest,
}));

/** The key of a template that is made for a test alone, and never saved. */
const UNSAVED = "test";
const CONTENT = ["subject", "html", "mjml", "text"] as const;
const SAMPLE = {
  contact: null,
  variables: { contact: { email: "ada@example.com", first_name: "Ada" } },
  locale: null,
};

/** The texts of a step as a template; null if it has none of its own. */
export function templateOfStep(kind: string, content: unknown): string | null {
  if (typeof content !== "object" || content === null) {
    return null;
  }
  const written = content as ValueMap;
  const fields =
    kind === "email"
      ? CONTENT.flatMap((name) => (written[name] ? [[name, written[name]]] : []))
      : kind === "sms" && typeof written.text === "string" && written.text !== ""
        ? [["sms", written.text]]
        : [];
  const bodies = fields.filter(([name]) => name !== "subject");
  return bodies.length === 0
    ? null
    : JSON.stringify({ template: UNSAVED, ...Object.fromEntries(fields) });
}

/** Sends what a step says to an address of one's own, as it is written now. */
export function TestOfStep({ kind, content }: { kind: string; content: unknown }) {
  const mayOperate = useMay("operate");
  const [open, setOpen] = useState(false);
  const text = templateOfStep(kind, content);
  if (!mayOperate || text === null) {
    return null;
  }
  const { subject } = content as ValueMap;
  return (
    <>
      <Button variant="default" size="compact-sm" w="fit-content" onClick={() => setOpen(true)}>
        {texts.templates.sendTest}
      </Button>
      {open && (
        <Suspense>
          <SendTest
            template={UNSAVED}
            text={text}
            sample={SAMPLE}
            subject={typeof subject === "string" ? subject : null}
            onClose={() => setOpen(false)}
          />
        </Suspense>
      )}
    </>
  );
}
