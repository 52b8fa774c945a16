/** Files of the library after random edits that leave a valid journey valid. */

import { applyEdit } from "@/builder/document/applyEdit";
import type { Edit } from "@/builder/document/edits";
import { type Outline, outlinesOf } from "@/builder/document/outline";
import { openText, type Path } from "@/builder/document/reading";
import { layout } from "@/builder/layout/layout";
import { files } from "./files";
import { type Random, randomFrom } from "./random";
import { partsOf } from "./randomEdits";

/** A file after its edits, which are named for the case that it is no longer valid. */
export interface EditedFile {
  readonly name: string;
  readonly edits: readonly Edit[];
  readonly text: string;
}

function validEdit(outline: Outline, random: Random): Edit {
  const { steps, ways, disabled } = partsOf(outline);
  const { drops, edges } = layout(outline);
  // A step after an exit is one that no run reaches.
  const reached = new Set(edges.map(({ key }) => key));
  const targets = drops.filter(({ key }) => reached.has(key));
  const { list, index } = random.pick(targets);
  const target = { list, index };
  const step = random.pick(steps);
  const fork = ways.length > 0 ? random.pick(ways)[0] : null;
  const wait: Edit = {
    edit: "insert",
    target,
    steps: [{ id: "pause", wait: random.pick(["2h", "1d"]) }],
  };
  // A run ends an exit's steps at once: they have no waits.
  const instead: Edit = {
    edit: "insert",
    target,
    steps: [{ id: "tag", group: { add: ["seen"] } }],
  };
  const around = { id: "vip", branch: [{ name: "vip", if: { group: "vip" }, then: [] as Path[] }] };
  const name = `way ${random.below(1000)}`;
  switch (random.below(12)) {
    case 0:
      return {
        edit: "paste",
        target,
        text: "# pasted\n- {id: known, update: {set: {known: true}}}\n",
      };
    case 1:
      return { edit: "wrap", steps: [step.path], around };
    case 2:
      return { edit: "note", step: step.path, text: "Why\n\nthis: stands # here" };
    case 3:
      return {
        edit: "rename-step",
        step: step.path,
        id: `${random.pick(["step-", "2nd_", "A"])}${random.below(1000)}`,
      };
    case 4:
      if (fork === null) return instead;
      return fork.kind?.kind === "split"
        ? { edit: "add-way", step: fork.path, way: { name, weight: 1, then: [] } }
        : {
            edit: "add-way",
            step: fork.path,
            way: { name, if: { group: "vip" }, then: [] },
            index: 0,
          };
    case 5: {
      const way = fork?.ways.find(({ role, implied }) => role !== "else" && !implied);
      return way === undefined ? instead : { edit: "rename-way", way: way.path, name };
    }
    case 6:
      return { edit: "set", path: ["name"], value: random.pick(["A: name", "yes", "it's # so"]) };
    case 7:
      return { edit: "set", path: ["quiet_hours"], value: { from: "22:00", to: "07:00" } };
    case 8:
      return { edit: "unset", path: ["name"] };
    case 9:
      return disabled[0] === undefined ? instead : { edit: "enable", step: disabled[0] };
    case 10:
      return { edit: "add-item", list: ["exit"], index: 0, value: { event: "Left" } };
    default:
      return target.list[0] === "exit" ? instead : wait;
  }
}

/** All files, each after `count` edits in each of which nothing becomes invalid. */
export function editedFiles(seed: number, count: number): EditedFile[] {
  return files.map(([name, start], place) => {
    const random = randomFrom(seed * 1009 + place);
    const edits: Edit[] = [];
    let text = start;
    for (let turn = 0; turn < count; turn++) {
      const file = openText(text);
      const outline = random.pick(outlinesOf(file));
      const edit = validEdit(outline, random);
      const result = applyEdit(file, outline.document, edit);
      if (!result.ok) continue;
      edits.push(edit);
      text = result.text;
    }
    return { name, edits, text };
  });
}
