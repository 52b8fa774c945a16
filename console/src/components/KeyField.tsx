import { TextInput } from "@mantine/core";
import { texts } from "@/texts";
import { keyOf } from "./keys";

const words = texts.starting;

interface KeyFieldProps {
  /** The name as it is typed, of which the key is made. */
  name: string;
  /** Why the key cannot be used, beside those that it says itself. */
  error?: string | undefined;
  onChange: (name: string) => void;
}

/** The name of something new, and the key that is made of it. */
export function KeyField({ name, error, onChange }: KeyFieldProps) {
  const key = keyOf(name);
  const wrong = name.trim() !== "" && key === "";
  return (
    <TextInput
      label={words.key}
      description={key === "" ? words.keyHint : words.keyIs(key)}
      inputWrapperOrder={["label", "input", "description", "error"]}
      value={name}
      error={error ?? (wrong ? words.keyWrong : undefined)}
      onChange={(event) => onChange(event.currentTarget.value)}
      maw={480}
      required
    />
  );
}
