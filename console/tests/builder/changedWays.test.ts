import { describe, expect, test } from "vitest";
import { actionsFor, editFor } from "../../src/builder/actions";
import { applyEdit } from "../../src/builder/document/applyEdit";
import { outlineOf } from "../../src/builder/document/outline";
import { openText } from "../../src/builder/document/reading";

const TEXT = `journey: cart
entry: {event: Go}
steps:
  - id: offer # which one
    split:
      - {name: a, weight: 50, then: []}
      - {name: b, weight: 30, then: []} # the bold one
      - {name: c, weight: 20, then: []}
  - {id: where, branch: [{name: yes, if: {step: offer, is: b}, then: []}, {else: []}]}
`;
const file = openText(TEXT);

describe("a way that is changed on its card", () => {
  const path = ["steps", 0, "split", 1];

  test("gets its name, what asks for it too, and its weight in one step", () => {
    const result = applyEdit(file, 0, {
      edit: "change-way",
      way: path,
      name: "bold",
      weight: 45,
    });
    expect(result.ok && result.text).toBe(
      TEXT.replace("{name: b, weight: 30,", "{name: bold, weight: 45,").replace(
        "is: b}",
        "is: bold}",
      ),
    );
  });

  test("keeps its name, or its weight", () => {
    const weight = applyEdit(file, 0, { edit: "change-way", way: path, name: "b", weight: 31 });
    expect(weight.ok && weight.text).toBe(TEXT.replace("weight: 30", "weight: 31"));
    const name = applyEdit(file, 0, { edit: "change-way", way: path, name: "x", weight: null });
    expect(name.ok && name.text).toBe(
      TEXT.replace("name: b,", "name: x,").replace("is: b}", "is: x}"),
    );
  });

  test("is refused a name that another way has", () => {
    const result = applyEdit(file, 0, { edit: "change-way", way: path, name: "a", weight: 1 });
    expect(result.ok ? null : result.refusal).toEqual({ reason: "taken", name: "a" });
  });

  test("changes places with the ways beside it", () => {
    const outline = outlineOf(file, 0);
    const actions = (way: string) => actionsFor(outline, new Set([`step:offer/way:${way}`]));
    expect(actions("a")).toEqual(["editWay", "wayRight", "removeWay"]);
    expect(actions("b")).toEqual(["editWay", "wayLeft", "wayRight", "removeWay"]);
    expect(actions("c")).toEqual(["editWay", "wayLeft", "removeWay"]);
    expect(actionsFor(outline, new Set(["step:where/else"]))).toEqual(["removeWay"]);
    const edit = editFor("wayLeft", outline, new Set(["step:offer/way:c"]));
    const moved = edit === null ? null : applyEdit(file, 0, edit);
    expect(
      moved?.ok &&
        outlineOf(openText(moved.text), 0).steps.items.map((item) =>
          item.type === "step" ? item.ways.map((way) => way.name).join() : "",
        ),
    ).toEqual(["a,c,b", "yes,else"]);
  });
});
