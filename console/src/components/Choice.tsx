import { NativeSelect } from "@mantine/core";

interface ChoiceProps {
  label: string;
  /** Empty means that nothing was chosen. */
  value: string;
  /** What stands for no choice. */
  any: string;
  options: readonly (string | { value: string; label: string })[];
  onChange: (value: string | null) => void;
}

/** A filter with a few values. */
export function Choice({ label, value, any, options, onChange }: ChoiceProps) {
  return (
    <NativeSelect
      aria-label={label}
      title={label}
      value={value}
      data={[{ value: "", label: any }, ...options]}
      onChange={(event) => onChange(event.currentTarget.value || null)}
    />
  );
}
