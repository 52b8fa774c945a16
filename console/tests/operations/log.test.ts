import fc from "fast-check";
import { expect, test } from "vitest";
import { itemOf, type LogItem, newestFirst, queryOf, typesOf } from "../../src/log/items";

const made = (id: number): LogItem => ({ id: String(id), summary: "" }) as LogItem;

test("what arrives stands on top, each once, whichever way it comes", () => {
  fc.assert(
    fc.property(fc.array(fc.array(fc.nat(20), { maxLength: 8 }), { maxLength: 8 }), (batches) => {
      let shown: LogItem[] = [];
      const order: number[] = [];
      for (const batch of batches) {
        shown = newestFirst(batch.map(made), shown, 1_000);
        for (const id of batch) {
          if (!order.includes(id)) {
            order.push(id);
          }
        }
      }
      expect(shown.map((item) => Number(item.id))).toEqual([...order].reverse());
    }),
  );
});

test("no more is kept than asked for, the newest", () => {
  const kept = newestFirst([made(3), made(4)], [made(2), made(1)], 3);
  expect(kept.map((item) => item.id)).toEqual(["4", "3", "2"]);
});

test("the address gives the query, without what the log does not know", () => {
  expect(typesOf("send,unknown,event")).toEqual(["event", "send"]);
  const filters = {
    types: "send,event",
    journey: "a b",
    contact: "",
    step: "",
    outcome: "skipped",
    key: "",
    from: "",
  };
  expect(queryOf(filters).toString()).toBe("type=event%2Csend&journey=a+b&outcome=skipped");
});

test("a text that is no item is none", () => {
  expect(itemOf("{")).toBeNull();
  expect(itemOf('{"code": "closing"}')).toBeNull();
  expect(itemOf('{"id": "event.1", "summary": "Signed Up"}')?.id).toBe("event.1");
});
