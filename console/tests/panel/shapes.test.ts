import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { openText } from "@/builder/document/reading";
import { isValueMap, nodeValue, type Value, type ValueMap } from "@/builder/document/values";
import { definitions, matchOf, type Shape, shapeOf, variantOf } from "@/builder/panel/shapes";

const LIBRARY = new URL("../../../journeys/library/", import.meta.url);

/** The steps of lists, and those inside the ways of branches and splits. */
function steps(value: Value): ValueMap[] {
  if (Array.isArray(value)) {
    return value.flatMap(steps);
  }
  if (!isValueMap(value)) {
    return [];
  }
  const inside = ["branch", "split", "then", "else"].flatMap((key) => steps(value[key] ?? []));
  return "id" in value ? [value, ...inside] : inside;
}

/** Each shape inside, to a depth: definitions refer to themselves. */
function walk(shape: Shape, depth: number): number {
  if (depth === 0) {
    return 1;
  }
  switch (shape.kind) {
    case "mapping":
      return shape.fields.reduce((sum, field) => sum + walk(field.shape(), depth - 1), 1);
    case "list":
      return 1 + walk(shape.item(), depth - 1);
    case "named":
      return 1 + walk(shape.value(), depth - 1);
    case "variants":
      return shape.variants.reduce((sum, variant) => sum + walk(variant, depth - 1), 1);
    default:
      return 1;
  }
}

describe("shapes of the published schema", () => {
  test.each([...definitions()])("%s can be read", (name) => {
    expect(walk(shapeOf(name), 3)).toBeGreaterThan(0);
  });

  test("a required key is required, a key that may be null is of one shape", () => {
    const email = shapeOf("Email");
    expect(email.kind).toBe("mapping");
    if (email.kind !== "mapping") {
      return;
    }
    const byKey = new Map(email.fields.map((field) => [field.key, field]));
    expect(byKey.get("subject")?.required).toBe(false);
    expect(byKey.get("subject")?.shape()).toEqual({ kind: "text" });
    expect(byKey.get("class")?.shape()).toEqual({
      kind: "choice",
      options: ["marketing", "service"],
    });
  });

  test("every step of the library has exactly the shape of its kind", () => {
    const step = shapeOf("Step");
    let seen = 0;
    for (const file of readdirSync(LIBRARY).filter((name) => name.endsWith(".yaml"))) {
      const text = readFileSync(new URL(file, LIBRARY), "utf8");
      const found = openText(text).documents.map((document): Value => {
        const value = nodeValue(document, document.tree.contents);
        return isValueMap(value) ? (value.steps ?? []) : [];
      });
      for (const each of steps(found)) {
        const shape = variantOf(step, each);
        expect(shape?.kind, `${file}: ${JSON.stringify(each)}`).toBe("mapping");
        if (shape?.kind === "mapping") {
          expect(shape.name.replace(/Step$/, "").toLowerCase()).toBe(
            Object.keys(each).find((key) => key !== "id" && key !== "if" && key !== "max_visits"),
          );
        }
        seen += 1;
      }
    }
    expect(seen).toBeGreaterThan(40);
  });

  test("a number has the shape of a number before that of a text", () => {
    const scalar = shapeOf("Scalar");
    expect(variantOf(scalar, 12)?.kind).toBe("number");
    expect(variantOf(scalar, true)?.kind).toBe("truth");
    expect(variantOf(scalar, "12")?.kind).toBe("text");
    expect(matchOf(scalar, [12])).toBe(0);
  });
});
