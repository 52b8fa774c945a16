import { describe, expect, it } from "vitest";
import { applyEdit } from "@/builder/document/applyEdit";
import { outlinesOf } from "@/builder/document/outline";
import { applyPatches, inverse } from "@/builder/document/patches";
import { openText } from "@/builder/document/reading";
import { files } from "./files";
import { randomJourney, randomText } from "./generated";
import { randomFrom } from "./random";
import { randomEdit } from "./randomEdits";

describe("random edits", () => {
  it("survey", () => {
    const counts = new Map<string, number>();
    const bump = (key: string) => counts.set(key, (counts.get(key) ?? 0) + 1);
    const shown = new Map<string, number>();
    const texts = files.map(([, text]) => text);
    for (let seed = 0; seed < 150; seed++) {
      const random = randomFrom(seed);
      texts.push(randomText(random, randomJourney(random, 4)));
    }
    for (const [place, start] of texts.entries()) {
      const random = randomFrom(1000 + place);
      let text = start;
      for (let turn = 0; turn < 15; turn++) {
        const file = openText(text);
        const outlines = outlinesOf(file);
        const { document } = random.pick(outlines);
        const edit = randomEdit(file, document, random);
        let result: ReturnType<typeof applyEdit>;
        try {
          result = applyEdit(file, document, edit);
        } catch (error) {
          console.log(JSON.stringify(edit), `\n${file.documents[document]?.text}`);
          throw error;
        }
        bump(`${edit.edit}: ${result.ok ? "ok" : result.refusal.reason}`);
        if (!result.ok) {
          if (result.refusal.reason === "as-text-only") {
            const key = edit.edit;
            const times = (shown.get(key) ?? 0) + 1;
            shown.set(key, times);
            if (times <= 2)
              console.log(
                "REFUSED",
                place,
                JSON.stringify(edit),
                `\n${file.documents[document]?.text}`,
              );
          }
          continue;
        }
        expect(applyPatches(text, result.patches)).toBe(result.text);
        expect(applyPatches(result.text, inverse(text, result.patches))).toBe(text);
        text = result.text;
      }
    }
    console.log(
      [...counts]
        .sort()
        .map(([k, v]) => `${k} ${v}`)
        .join("\n"),
    );
  }, 120000);
});
