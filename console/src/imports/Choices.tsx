import { NativeSelect } from "@mantine/core";

interface ChoicesProps<Value extends string> {
  label: string;
  value: Value;
  /** The values with their words. */
  options: Readonly<Record<Value, string>>;
  description?: string;
  onChange: (value: Value) => void;
}

/** A choice of one of several values. */
export function Choices<Value extends string>({
  label,
  value,
  options,
  description,
  onChange,
}: ChoicesProps<Value>) {
  return (
    <NativeSelect
      label={label}
      description={description}
      value={value}
      data={Object.entries<string>(options).map(([each, said]) => ({ value: each, label: said }))}
      onChange={(event) => {
        const next = event.currentTarget.value;
        if (next in options) {
          onChange(next as Value);
        }
      }}
    />
  );
}
