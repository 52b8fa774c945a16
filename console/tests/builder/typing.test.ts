import { describe, expect, it } from "vitest";
import { applyEdit } from "@/builder/document/applyEdit";
import { valueAt } from "@/builder/document/model";
import { openText, type Path } from "@/builder/document/reading";
import { rootValue } from "@/builder/document/values";

const START = `journey: hello
entry: {event: Signed Up}
steps:
  - id: mail
    email:
      subject: "Hello"
      text: ""
  # One day is enough.
  - {id: first, wait: 1d}
`;
const TEXT: Path = ["steps", 0, "email", "text"];

/** What stands at the path after the letters were typed there, one edit a letter. */
function typed(letters: string): { text: string; read: unknown; refused: readonly string[] } {
  const refused: string[] = [];
  let text = START;
  let value = "";
  for (const letter of letters) {
    value += letter;
    const result = applyEdit(openText(text), 0, { edit: "set", path: TEXT, value });
    if (result.ok) {
      text = result.text;
    } else {
      refused.push(value);
    }
  }
  const [document] = openText(text).documents;
  return {
    text,
    read: document === undefined ? null : valueAt(rootValue(document), TEXT),
    refused,
  };
}

describe("a text that is typed letter by letter", () => {
  it.each([
    "Hello!\n\nThank you for signing up.\n\nYour team",
    "A line with a space at its end \nand the next\n",
    "A list:\n\n  - one \n  - two\t\n\n# no comment: {{ unsubscribe_url }}  ",
    " \n \n",
  ])("%j is taken whole, and nothing else moves", (letters) => {
    const { text, read, refused } = typed(letters);
    expect(refused).toEqual([]);
    expect(read).toBe(letters);
    expect(text).toContain("\n  # One day is enough.\n  - {id: first, wait: 1d}\n");
    expect(text.startsWith(START.slice(0, START.indexOf("text:")))).toBe(true);
  });
});
