import { describe, expect, test } from "vitest";
import { EXAMPLES as BRANDS } from "@/brands/examples";
import { openText } from "@/builder/document/reading";
import { documentForm } from "@/builder/document/schema";
import { isValueMap, nodeValue } from "@/builder/document/values";
import { hasDarkColours, inScheme } from "@/builder/trial/colourScheme";
import type { Example } from "@/documents/NewDocument";
import { embedding, formFields } from "@/forms/embedding";
import { EXAMPLES as FORMS } from "@/forms/examples";
import { channelsOf } from "@/templates/channels";
import { EXAMPLES as TEMPLATES } from "@/templates/examples";
import { nested } from "@/templates/sample";

function read(text: string) {
  const [document] = openText(text).documents;
  const value = document === undefined ? null : nodeValue(document, document.tree.contents);
  if (document === undefined || document.problems.length > 0 || !isValueMap(value)) {
    throw new Error("the text cannot be read");
  }
  return value;
}

describe("values with dots in their names", () => {
  test("stand inside each other", () => {
    expect(nested({ "code.code": "SPRING", "code.outcome": "drawn", total: 50 })).toEqual({
      code: { code: "SPRING", outcome: "drawn" },
      total: 50,
    });
  });

  test("take the place of a value that has nothing inside", () => {
    expect(nested({ code: "SPRING", "code.code": "SUMMER" })).toEqual({ code: { code: "SUMMER" } });
  });

  test("leave what was given as it is", () => {
    const given = { code: { outcome: "drawn" }, "code.code": "SPRING" };
    expect(nested(given)).toEqual({ code: { outcome: "drawn", code: "SPRING" } });
    expect(given.code).toEqual({ outcome: "drawn" });
  });
});

describe("what a template is for", () => {
  test.each([
    [{ subject: "Hello", html: "<p>Hello</p>" }, ["email"]],
    [{ subject: "Hello", text: "Hello", sms: "Hello" }, ["email", "sms"]],
    [{ html: "{{ content }}" }, ["layout"]],
    [{ sms: "Hello" }, ["sms"]],
    [{}, []],
  ])("%j", (document, channels) => {
    expect(channelsOf(document)).toEqual(channels);
  });
});

describe("examples", () => {
  const all: [string, Example][] = [
    ...TEMPLATES.map((each): [string, Example] => ["template", each]),
    ...FORMS.map((each): [string, Example] => ["form", each]),
    ...BRANDS.map((each): [string, Example] => ["brand", each]),
  ];
  test.each(all)("of a %s have their key first and keys of the language alone", (kind, example) => {
    const value = read(example.text("my-key"));
    const keys = Object.keys(value);
    expect(value[kind]).toBe("my-key");
    const known = Object.keys(documentForm(keys)?.schema.properties ?? {});
    expect(known).toEqual(expect.arrayContaining(keys));
  });
});

describe("the HTML of a form on a page of one's own", () => {
  test("has a control for each field, and nothing that a label could break out of", () => {
    const document = read(`form: ask
fields:
  - {name: email, label: 'Your "address" <b>', type: email, required: true}
  - {name: size, label: Size, type: choice, options: [S, 'L & more']}
  - {name: ok, label: Yes, type: checkbox}
  - {name: words, label: Words, lines: 4}
`);
    expect(embedding("ask", "https://a.example/f/ask", formFields(document))).toBe(
      `<form data-parcours="ask" method="post" action="https://a.example/f/ask">
  <label>Your &quot;address&quot; &lt;b> <input name="email" required type="email"></label>
  <label>Size <select name="size"><option>S</option><option>L &amp; more</option></select></label>
  <label><input name="ok" type="checkbox" value="on"> Yes</label>
  <label>Words <textarea name="words" rows="4"></textarea></label>
  <button>Send</button>
  <output></output>
</form>`,
    );
  });
});

describe("colours for the dark", () => {
  const MAIL = `<meta name="color-scheme" content="light dark"><style>
:root { color-scheme: light dark }
@media screen and (prefers-color-scheme:dark) { p { color: white } }
@media (prefers-color-scheme: light) { p { color: black } }</style><p>A light dark day</p>`;

  test("are those of the scheme that is shown, not that of the browser", () => {
    expect(inScheme(MAIL, true)).toBe(`<meta name="color-scheme" content="dark"><style>
:root { color-scheme: dark }
@media screen and (min-width: 0px) { p { color: white } }
@media (max-width: 0px) { p { color: black } }</style><p>A light dark day</p>`);
    expect(inScheme(MAIL, false)).toBe(`<meta name="color-scheme" content="light"><style>
:root { color-scheme: light }
@media screen and (max-width: 0px) { p { color: white } }
@media (min-width: 0px) { p { color: black } }</style><p>A light dark day</p>`);
  });

  test("are known where there are some", () => {
    expect(hasDarkColours(MAIL)).toBe(true);
    expect(hasDarkColours('<meta name="color-scheme" content="light">')).toBe(false);
    expect(hasDarkColours("<p>Dark</p>")).toBe(false);
  });
});
