import { SegmentedControl } from "@mantine/core";
import { useMediaQuery } from "@mantine/hooks";
import type { ReactNode } from "react";
import { useFilter } from "@/components/filters";
import { texts } from "@/texts";
import classes from "./documents.module.css";

const words = texts.documents;

/** Where there is room for one part alone. */
const NARROW = "(max-width: 62em)";

interface EditedPartsProps {
  asFields: ReactNode;
  asText: ReactNode;
  /** What stands beside what is edited, such as a preview; else fields and text stand together. */
  beside: ReactNode;
}

/** The parts of an editor: fields, text and preview, two of them in sight, or one on a phone. */
export function EditedParts({ asFields, asText, beside }: EditedPartsProps) {
  const narrow = useMediaQuery(NARROW) === true;
  const [view, setView] = useFilter("side");
  if (beside === undefined) {
    return (
      <div className={classes.parts}>
        {asFields}
        {asText}
      </div>
    );
  }
  const seen = view === "text" || (view === "preview" && narrow) ? view : "fields";
  return (
    <>
      <SegmentedControl
        size="xs"
        mb="sm"
        aria-label={words.view}
        value={seen}
        data={[
          { value: "fields", label: words.fields },
          { value: "text", label: words.text },
          ...(narrow ? [{ value: "preview", label: words.preview }] : []),
        ]}
        onChange={(next) => setView(next === "fields" ? null : next)}
      />
      <div className={classes.parts}>
        <div hidden={seen === "preview"}>{seen === "text" ? asText : asFields}</div>
        {/* It stays, with what was chosen in it, while it is out of sight. */}
        <div className={classes.beside} hidden={narrow && seen !== "preview"}>
          {beside}
        </div>
      </div>
    </>
  );
}
