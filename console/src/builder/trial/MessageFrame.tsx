import { useEffect, useRef, useState } from "react";
import { texts } from "@/texts";
import { hasDarkColours, inScheme } from "./colourScheme";
import classes from "./trial.module.css";

interface MessageFrameProps {
  html: string;
  /** As wide as a phone. */
  narrow?: boolean;
  /** As a reader sees it whose programs are dark. */
  dark?: boolean;
  /** Whether its pictures are fetched, from where they are. */
  pictures?: boolean;
  /** What it shows, for those who cannot see it. */
  title?: string;
}

interface Shown {
  id: number;
  html: string;
  pictures: boolean;
}

/** Messages that were put into a frame, ever. */
let serial = 0;

/**
 * The HTML of a message in a frame that runs nothing and fetches nothing.
 *
 * Another HTML gets a frame of its own, which takes the place of the one before once it has
 * loaded: so nothing flickers, and the browser's way back does not lead through them.
 */
export function MessageFrame(props: MessageFrameProps) {
  const { narrow = false, dark = false, pictures = false } = props;
  const html = inScheme(props.html, dark);
  const [frames, setFrames] = useState<readonly Shown[]>([]);
  useEffect(() => {
    serial += 1;
    const id = serial;
    setFrames((before) => [...before.slice(-1), { id, html, pictures }]);
  }, [html, pictures]);
  return (
    <div
      className={classes.paper}
      data-narrow={narrow || undefined}
      data-dark={dark || undefined}
      data-darkened={(dark && !hasDarkColours(props.html)) || undefined}
    >
      {frames.map((frame, place) => (
        <OneFrame
          key={frame.id}
          name={`message-frame-${frame.id}`}
          html={frame.html}
          pictures={frame.pictures}
          title={props.title ?? texts.trial.frame}
          hidden={place < frames.length - 1}
          onLoad={() => setFrames((all) => all.filter((each) => each.id >= frame.id))}
        />
      ))}
    </div>
  );
}

interface OneFrameProps {
  name: string;
  html: string;
  pictures: boolean;
  title: string;
  /** Whether another one is about to take its place. */
  hidden: boolean;
  onLoad: () => void;
}

function OneFrame({ name, html, pictures, title, hidden, onLoad }: OneFrameProps) {
  const form = useRef<HTMLFormElement>(null);
  // The frame loads empty first.
  const submitted = useRef(false);
  useEffect(() => {
    form.current?.submit();
    submitted.current = true;
  }, []);
  return (
    <>
      <form ref={form} method="post" action="/console/preview" target={name} hidden>
        <textarea name="html" readOnly value={html} />
        {pictures && <input type="hidden" name="images" value="yes" />}
      </form>
      <iframe
        name={name}
        title={title}
        sandbox=""
        referrerPolicy="no-referrer"
        className={classes.frame}
        aria-hidden={hidden || undefined}
        onLoad={() => submitted.current && onLoad()}
      />
    </>
  );
}
