/** Conditions of all forms of the language, at random. */

import fc from "fast-check";
import type { Value } from "@/builder/document/values";

const name = fc.constantFrom("country", "score", "items.sku", "a b", "é", "plan");
const step = fc.constantFrom("mail", "code", "hour-before");
const scalar = fc.oneof(
  fc.constantFrom("FR", "75001", "true", "yes", "", "null", '"quoted"', "a # b", "01000"),
  fc.integer({ min: -1000, max: 1000 }),
  fc.boolean(),
);
const reference = fc.oneof(
  fc.record({ entry: name }),
  fc.record({ attribute: name }),
  fc.record({ step, property: name }),
);
const operand = fc.oneof({ weight: 4, arbitrary: scalar }, reference);
const offset = fc.constantFrom("-3d", "+2h", "-1mo");
const shift = fc.record(
  { every: fc.constant("year"), offset, at: fc.constant("09:00") },
  { requiredKeys: [] },
);
const moment = fc.oneof(
  fc.constantFrom(
    "now",
    "today",
    "+3d",
    "-30d",
    "09:00",
    "2026-12-31",
    "2026-12-31T09:00",
    "entry",
  ),
  fc.integer({ min: 0, max: 2_000_000_000 }),
  fc.tuple(reference, shift).map(([about, shifted]) => ({ ...about, ...shifted })),
);
const number = fc.integer({ min: 0, max: 100 });
const choices = fc.oneof(fc.array(operand, { maxLength: 3 }), reference);

const plainComparison = fc.record(
  {
    is: operand,
    is_not: operand,
    in: choices,
    not_in: choices,
    gt: operand,
    gte: operand,
    lt: operand,
    lte: operand,
    contains: operand,
    starts_with: operand,
    ends_with: operand,
    exists: fc.boolean(),
    before: moment,
    after: moment,
  },
  { requiredKeys: [] },
);

function where(depth: number): fc.Arbitrary<Value> {
  const asked: fc.Arbitrary<Value> = fc.oneof(
    scalar,
    reference,
    fc.array(operand, { maxLength: 2 }),
    comparison(depth),
  ) as fc.Arbitrary<Value>;
  return fc.dictionary(name, asked, { minKeys: 1, maxKeys: 3 });
}

function comparison(depth: number): fc.Arbitrary<Value> {
  const filled = plainComparison.filter((each) => Object.keys(each).length > 0);
  return (
    depth === 0
      ? filled
      : fc.oneof({ weight: 5, arbitrary: filled }, fc.record({ any: where(depth - 1) }))
  ) as fc.Arbitrary<Value>;
}

function merged(...parts: fc.Arbitrary<Value>[]): fc.Arbitrary<Value> {
  return fc.tuple(...parts).map((each) => Object.assign({}, ...each) as Value);
}

const measured = fc.dictionary(name, comparison(0), { minKeys: 1, maxKeys: 2 });
const ofEvent: fc.Arbitrary<Value> = fc.record(
  {
    event: fc.constantFrom("Order Completed", "A: b", "Message Clicked"),
    where: where(1),
    count: fc.oneof(number, comparison(0), fc.record({ gte: number })),
    sum: measured,
    avg: measured,
    min: measured,
    max: measured,
    within: fc.constantFrom("30d", "1h30m", "P1M"),
    since: moment,
    before: moment,
  },
  { requiredKeys: ["event"] },
) as fc.Arbitrary<Value>;

const leaf: fc.Arbitrary<Value> = fc.oneof(
  merged(fc.record({ attribute: name }), comparison(1)),
  ofEvent,
  fc.record(
    { message: step, is: fc.constantFrom("clicked", "opened"), where: where(0) },
    { requiredKeys: ["message", "is"] },
  ) as fc.Arbitrary<Value>,
  merged(
    fc.record({ step, property: name }, { requiredKeys: ["step"] }) as fc.Arbitrary<Value>,
    comparison(1),
  ),
  merged(fc.record({ entry: name }), comparison(1)),
  fc.record({ group: name }),
  fc.record({ segment: fc.constantFrom("loyal", "vip-1") }),
  fc.record({
    topic: fc.constant("offers"),
    is: fc.constantFrom("subscribed", "pending", "unsubscribed"),
  }),
  fc.record({ near: fc.record({ places: fc.constant("shops"), km: number }) }),
  fc.record({
    near: fc.record({
      // No one writes a minus before a zero, and JSON has none.
      lat: fc.double({ min: -90, max: 90, noNaN: true }).map((degrees) => degrees + 0),
      lon: number,
      km: number,
    }),
  }),
);

/** A condition of the language. */
export function conditions(depth = 3): fc.Arbitrary<Value> {
  if (depth === 0) {
    return leaf;
  }
  const inner = conditions(depth - 1);
  const list = fc.array(inner, { maxLength: 3 });
  return fc.oneof(
    { weight: 3, arbitrary: leaf },
    fc.record({ all: list }) as fc.Arbitrary<Value>,
    fc.record({ any: list }) as fc.Arbitrary<Value>,
    fc.record({ not: inner }) as fc.Arbitrary<Value>,
  );
}

const json = fc.letrec<{ value: Value }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 3 },
    fc.string({ maxLength: 6 }),
    fc.integer(),
    fc.boolean(),
    fc.constant(null),
    fc.array(tie("value"), { maxLength: 3 }),
    fc.dictionary(
      fc.constantFrom(
        ..."attribute event message step entry group segment topic near all any not is in gte exists before where count within sum km lat at x".split(
          " ",
        ),
      ),
      tie("value"),
      { maxKeys: 4 },
    ),
  ) as fc.Arbitrary<Value>,
})).value;

/** Any value, with the words of conditions in wrong places. */
export const anything: fc.Arbitrary<Value> = json;
