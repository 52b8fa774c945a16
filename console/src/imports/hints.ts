import type { InputWrapperProps } from "@mantine/core";

/** A hint stands below its field, so that fields beside each other stand level. */
export const BELOW: NonNullable<InputWrapperProps["inputWrapperOrder"]> = [
  "label",
  "input",
  "description",
  "error",
];
