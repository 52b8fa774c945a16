import { describe, expect, it } from "vitest";
import { positionOf } from "@/builder/document/lines";
import {
  cardAt,
  cardOf,
  pathOfCard,
  placeAt,
  problemPlace,
  rangeOf,
  sourcePath,
} from "@/builder/document/locations";
import { outlineOf, outlinesOf } from "@/builder/document/outline";
import { openText } from "@/builder/document/reading";
import { layout } from "@/builder/layout/layout";
import { files } from "./files";

const TEXT = `topic: offers
---
journey: j
entry: {event: A}
exit:
  - {event: B, then: [{id: bye, group: {add: [g]}}]}
steps:
  - {id: a, wait: 1h}
  # - {id: off, wait: 2h}
  - id: b
    branch:
      - if: {group: g}
        then:
          - {id: c, email: {subject: "{{ x", text: t}}
      - else:
          - {id: d, wait: 1h}
`;

const file = openText(TEXT);
const [outline] = outlinesOf(file);
if (outline === undefined) throw new Error("no journey");
const at = (part: string) => TEXT.indexOf(part);

describe("places", () => {
  it("lead from the text to the path and the card", () => {
    const found = (part: string) => [
      placeAt(file, at(part))?.path.join("."),
      cardAt(file, outline, at(part)),
    ];
    expect(found("1h}\n  #")).toEqual(["steps.0.wait", "step:a"]);
    expect(found("{{ x")).toEqual(["steps.1.branch.0.then.0.email.subject", "step:c"]);
    expect(found("{group")).toEqual(["steps.1.branch.0.if", "step:b/way:1"]);
    expect(found("id: d")).toEqual(["steps.1.branch.1.else.0.id", "step:d"]);
    expect(found("event: A")).toEqual(["entry.event", "entry"]);
    expect(found("bye")).toEqual(["exit.0.then.0.id", "step:bye"]);
    expect(cardAt(file, outline, at("off, wait"))).toBe("disabled:off");
    expect(cardAt(file, outline, at("offers"))).toBeNull();
  });

  it("lead from a path to the text", () => {
    const text = (path: (string | number)[]) => {
      const range = rangeOf(file, outline.document, path);
      return range === null ? null : TEXT.slice(range.from, range.to);
    };
    expect(text(["steps", 0])).toBe("{id: a, wait: 1h}");
    expect(text(["steps", 0, "wait"])).toBe("wait: 1h");
    // What is not there leads to what it would stand in.
    expect(text(["steps", 0, "if", "group"])).toBe("{id: a, wait: 1h}");
  });

  it("of every card lead to this card again", () => {
    for (const [, text] of files) {
      const read = openText(text);
      for (const each of outlinesOf(read)) {
        for (const { key, type } of layout(each).cards) {
          const path = type === "join" || type === "end" ? null : pathOfCard(each, key);
          if (path === null) continue;
          expect(cardOf(each, path)).toBe(key);
          const range = rangeOf(read, each.document, path);
          const written = type !== "way" || range !== null;
          if (written && type === "item") expect(cardAt(read, each, range?.from ?? 0)).toBe(key);
        }
      }
    }
  });

  it("of the server's problems lead to the card and to the line", () => {
    const place = (path: (string | number)[], offset: number | null) => {
      const where = offset === null ? { line: 0, column: 0 } : positionOf(TEXT, offset);
      const found = problemPlace(file, outline, { path, ...where });
      return [found.card, TEXT.slice(found.range.from, found.range.to)];
    };
    expect(place(["steps", 1, "branch", 0, "then", 0, "email", "subject"], at('"{{ x'))).toEqual([
      "step:c",
      '"{{ x"',
    ]);
    expect(place(["steps", 1, "else", 0, "wait"], TEXT.lastIndexOf("1h}"))).toEqual([
      "step:d",
      "1h",
    ]);
    expect(place(["steps", 0], null)).toEqual(["step:a", "{id: a, wait: 1h}"]);
    expect(place(["topic"], at("offers"))).toEqual([null, "offers"]);
    expect(sourcePath(file, outline.document, ["steps", 1, "BranchStep", "else", 0])).toEqual([
      ...["steps", 1, "branch", 1, "else", 0],
    ]);
  });

  it("of a text that cannot be read lead to its line", () => {
    const broken = openText("journey: j\nsteps: [\nname: x\n");
    const found = problemPlace(broken, outlineOf(broken, 0), { path: [], line: 3, column: 1 });
    expect(found.range).toEqual({ from: 20, to: 27 });
  });
});
