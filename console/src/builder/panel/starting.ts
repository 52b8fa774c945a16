import type { Value } from "@/builder/document/values";
import { BEGINNINGS } from "@/conditions/changing";
import { STARTS } from "./likely";
import type { Shape } from "./shapes";

const DEPTH = 6;

/** The smallest value of a shape, to begin with: its required keys, with empty texts. */
export function startOf(shape: Shape, depth = DEPTH): Value {
  if (shape.definition === "Condition") {
    return BEGINNINGS.attribute;
  }
  switch (shape.kind) {
    case "text":
    case "free":
      return "";
    case "number":
      return Math.max(shape.least ?? 1, 1);
    case "truth":
      return true;
    case "constant":
      return shape.value;
    case "choice":
      return shape.options[0] ?? "";
    case "named":
      return {};
    case "list":
      return Array.from({ length: shape.least }, () => startOf(shape.item(), depth - 1));
    case "mapping":
      return Object.fromEntries(
        depth === 0
          ? []
          : shape.fields
              .filter((field) => field.required)
              .map((field) => [field.key, STARTS[field.key] ?? startOf(field.shape(), depth - 1)]),
      );
    case "variants": {
      // A plain text is the likeliest, and the first thing that one types.
      const text = shape.variants.find((variant) => variant.kind === "text");
      const first = text ?? shape.variants[0];
      return first === undefined ? "" : startOf(first, depth);
    }
  }
}
