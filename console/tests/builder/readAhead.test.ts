/** Long texts are read in slices: the same trees, and nothing is read again in earnest. */

import { describe, expect, it } from "vitest";
import type { Document } from "yaml";
import { applyEdit } from "@/builder/document/applyEdit";
import type { Edit } from "@/builder/document/edits";
import { readAhead, treesInSlices } from "@/builder/document/readAhead";
import { firstUnread, isLong, openText, parseYaml } from "@/builder/document/reading";
import { files } from "./files";
import { randomJourney, randomText } from "./generated";
import { randomFrom } from "./random";

const EDIT: Edit = {
  edit: "insert",
  target: { list: ["steps"], index: 1 },
  steps: [{ id: "new", wait: "1d" }],
};

/** A journey of a thousand steps. */
function thousand(): string {
  const steps = Array.from({ length: 1000 }, (_, place) => `  - {id: s${place}, wait: 1d}\n`);
  return `journey: long\nentry: {event: Go}\nsteps:\n${steps.join("")}`;
}

/** What a tree holds, with its comments, as far as it can be written. */
function contentOf(tree: Document.Parsed): string {
  return tree.errors.length > 0 ? "" : String(tree);
}

describe("reading in slices", () => {
  it("gives the trees that are read at once", async () => {
    const random = randomFrom(3);
    const texts = Array.from({ length: 30 }, () => randomText(random, randomJourney(random, 6)));
    for (const text of [...files.map(([, each]) => each), ...texts, "a: [", "- a\n b: c\n"]) {
      const sliced = await treesInSlices(text, () => Promise.resolve());
      const whole = parseYaml(text);
      expect(sliced.map((tree) => tree.range)).toEqual(whole.map((tree) => tree.range));
      expect(sliced.map(contentOf)).toEqual(whole.map(contentOf));
      expect(sliced.map((tree) => tree.errors)).toEqual(whole.map((tree) => tree.errors));
    }
  });

  it("gives the page its turn, again and again", async () => {
    let longest = 0;
    let turns = 0;
    let since = performance.now();
    await treesInSlices(thousand().repeat(3).replaceAll("\njourney", "\n---\njourney"), () => {
      longest = Math.max(longest, performance.now() - since);
      turns += 1;
      since = performance.now();
      return Promise.resolve();
    });
    expect(turns).toBeGreaterThan(2);
    // Each slice ends soon after its time; a busy machine may hold it up.
    expect(longest).toBeLessThan(1000);
  });

  it("leaves nothing to be read for an edit that was looked at ahead", async () => {
    const text = thousand();
    expect(isLong(text)).toBe(true);
    const work = () => applyEdit(openText(text), 0, EDIT);
    openText(text);
    expect(firstUnread(work)).toContain("id: new");
    await readAhead(work, () => Promise.resolve());
    expect(firstUnread(work)).toBeNull();
    expect(work()).toMatchObject({ ok: true });
  });
});
