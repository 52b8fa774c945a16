import { Loader } from "@mantine/core";
import { useEffect, useState } from "react";
import { texts } from "@/texts";

const PATIENCE = 300;

/** A sign that something loads, shown only if that takes longer than a blink. */
export function LoadingLine() {
  const [shown, setShown] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setShown(true), PATIENCE);
    return () => clearTimeout(timer);
  }, []);
  return (
    <div role="status" aria-live="polite" data-loading style={{ padding: 16, minHeight: 48 }}>
      {shown && <Loader size="xs" type="dots" aria-label={texts.parts.loading} />}
    </div>
  );
}
