import { useEffect, useRef } from "react";
import { texts } from "@/texts";
import classes from "./trial.module.css";

const NAME = "message-frame";

/** The HTML of a message in a frame that runs nothing and fetches nothing. */
export function MessageFrame({ html }: { html: string }) {
  const form = useRef<HTMLFormElement>(null);
  // biome-ignore lint/correctness/useExhaustiveDependencies: another message is sent to the frame.
  useEffect(() => {
    form.current?.submit();
  }, [html]);
  return (
    <>
      <form ref={form} method="post" action="/console/preview" target={NAME} hidden>
        <textarea name="html" readOnly value={html} />
      </form>
      <iframe
        name={NAME}
        title={texts.trial.frame}
        sandbox=""
        referrerPolicy="no-referrer"
        className={classes.frame}
      />
    </>
  );
}
