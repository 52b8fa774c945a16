import { expect, test } from "vitest";
import type { Item } from "@/attention/attention";
import { helpPage } from "@/attention/help";
import { causesFirst, reasonOf, sentenceOf } from "@/attention/sentences";

const ITEM: Item = {
  kind: "retrying",
  subject: "welcome hello",
  since: "2026-11-30T12:00:00Z",
  count: 2,
  at_least: false,
  reason: "unreachable",
  words: "",
  example: null,
  journey: "welcome",
  step: "hello",
  detail: null,
  command: "",
  link: "",
};

test("causes stand before what they bring about", () => {
  const kinds = ["failed", "keys", "retrying", "providers", "frozen"] as const;
  const items = kinds.map((kind) => ({ ...ITEM, kind }));
  expect(causesFirst(items).map(({ kind }) => kind)).toEqual([
    "frozen",
    "providers",
    "retrying",
    "failed",
    "keys",
  ]);
});

test("a sentence has the number in words, and the reason is no code", () => {
  expect(sentenceOf(ITEM)).toBe("welcome hello: 2 sends tried again.");
  expect(sentenceOf({ ...ITEM, kind: "frozen", subject: "email", count: 0 })).toBe(
    "E-mail: marketing is frozen. Nothing waits yet.",
  );
  expect(reasonOf(ITEM)).toBe("it cannot be reached");
  expect(reasonOf({ ...ITEM, reason: "ticket 4711" })).toBe("ticket 4711");
});

test("each leads to the people or the messages that it counts", () => {
  expect(helpPage(ITEM)?.path).toBe("/runs?journey=welcome&step=hello&held=retry");
  expect(helpPage({ ...ITEM, kind: "frozen" })?.path).toBe("/runs?held=frozen");
  expect(helpPage({ ...ITEM, kind: "failed" })?.path).toBe(
    "/journeys/welcome/messages?step=hello&status=refused",
  );
});
