/** The operators that are offered, by what is compared. */

import type { OperatorChoice } from "./comparing";
import type { Subject } from "./parts";
import type { Types } from "./scalarTexts";

const EQUAL: readonly OperatorChoice[] = ["is", "is_not", "in", "not_in"];
const ORDER: readonly OperatorChoice[] = ["gte", "lte", "gt", "lt"];
const TEXT: readonly OperatorChoice[] = ["contains", "starts_with", "ends_with"];
const TIME: readonly OperatorChoice[] = ["before", "after"];
const THERE: readonly OperatorChoice[] = ["exists", "missing"];

const BY_TYPE: Readonly<Record<Types[number], readonly OperatorChoice[]>> = {
  text: [...EQUAL, ...TEXT, ...THERE, ...TIME],
  number: [...EQUAL, ...ORDER, ...THERE, ...TIME],
  truth: ["is", "is_not", ...THERE],
  list: ["contains", "any", ...THERE],
  object: THERE,
};

const ALL: readonly OperatorChoice[] = [...EQUAL, ...ORDER, ...TEXT, ...TIME, ...THERE, "any"];

/** The operators for what is compared, the one that is written among them. */
export function operatorsFor(
  subject: Subject,
  types: Types,
  written: OperatorChoice,
): readonly OperatorChoice[] {
  const likely =
    subject.of === "number"
      ? [...ORDER, ...EQUAL]
      : types.length === 0
        ? ALL
        : ALL.filter((each) => types.some((type) => BY_TYPE[type].includes(each)));
  return likely.includes(written) ? likely : [...likely, written];
}
