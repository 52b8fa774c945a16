import { describe, expect, test } from "vitest";
import { actionsFor, editFor } from "@/builder/actions";
import { applyEdit } from "@/builder/document/applyEdit";
import { stepKinds } from "@/builder/document/language";
import { outlineOf } from "@/builder/document/outline";
import { openText } from "@/builder/document/reading";
import { freeId, itemsOf, newStep } from "@/builder/newSteps";
import { LIBRARY, readyJourney } from "@/journeys/library";

const TEXT = `# A note of the file.
journey: spring
entry: {event: Signed Up}
steps:
  - id: hello   # the first
    email: {subject: Hi, text: Hello, transactional: true}
  - {id: rest, wait: 2d}
`;

function open(text: string) {
  const file = openText(text);
  return { file, outline: outlineOf(file, 0) };
}

function idsOf(text: string): (string | null)[] {
  return itemsOf(open(text).outline.steps).map((item) => item.id);
}

describe("new steps", () => {
  test.each(stepKinds.map(({ kind }) => kind))("a new %s is a step of its kind", (kind) => {
    const { file } = open(TEXT);
    const target = { list: ["steps"], index: 1 };
    const result = applyEdit(file, 0, {
      edit: "insert",
      target,
      steps: [newStep(kind, new Set(["hello", "rest"]))],
    });
    expect(result.ok).toBe(true);
    if (result.ok) {
      const made = open(result.text).outline.steps.items[1];
      expect(made?.kind?.kind).toBe(kind);
      expect(result.text).toContain("  - id: hello   # the first\n");
    }
  });

  test("an id that is taken gets the first number that is free", () => {
    expect(freeId("wait", new Set())).toBe("wait");
    expect(freeId("wait", new Set(["wait", "wait_2"]))).toBe("wait_3");
  });
});

describe("actions on what is chosen", () => {
  const { file, outline } = open(TEXT);

  function done(action: Parameters<typeof editFor>[0], keys: string[]): string {
    const edit = editFor(action, outline, new Set(keys));
    expect(edit).not.toBeNull();
    const result = edit === null ? null : applyEdit(file, 0, edit);
    expect(result?.ok).toBe(true);
    return result?.ok === true ? result.text : "";
  }

  test("nothing is offered for the entry, and much for steps", () => {
    expect(actionsFor(outline, new Set(["entry"]))).toEqual([]);
    expect(actionsFor(outline, new Set(["step:hello"]))).toContain("duplicate");
    expect(actionsFor(outline, new Set(["step:hello", "step:rest"]))).toContain("wrapBranch");
  });

  test("delete takes the step alone, and disable keeps it as a comment", () => {
    expect(idsOf(done("delete", ["step:rest"]))).toEqual(["hello"]);
    const disabled = done("disable", ["step:rest"]);
    expect(disabled).toContain("#");
    expect(open(disabled).outline.steps.items[1]?.type).toBe("disabled");
  });

  test("steps that are wrapped come back when the branch is dissolved", () => {
    const wrapped = done("wrapBranch", ["step:hello", "step:rest"]);
    expect(idsOf(wrapped)).toEqual(["branch", "hello", "rest"]);
    const inside = open(wrapped);
    const edit = editFor("unwrap", inside.outline, new Set(["step:branch"]));
    const result = edit === null ? null : applyEdit(inside.file, 0, edit);
    expect(result?.ok === true && idsOf(result.text)).toEqual(["hello", "rest"]);
  });
});

describe("the library", () => {
  test.each([...LIBRARY])("%s begins a journey under a key of one's own", async (name) => {
    const { text } = await readyJourney(name, "my-own");
    const { outline } = open(text);
    expect(outline.key).toBe("my-own");
    expect(outline.steps.length).toBeGreaterThan(0);
    const again = await readyJourney(name, name);
    const changed = text
      .split("\n")
      .filter((line, place) => line !== again.text.split("\n")[place]);
    expect(changed).toEqual(["journey: my-own"]);
  });
});
