import { TextEditor } from "@/builder/text/TextEditor";
import { texts } from "@/texts";

/** The file of a journey, as it was saved. */
export function Text({ source }: { source: string }) {
  return <TextEditor label={texts.journeys.tabs.text} text={source} />;
}
