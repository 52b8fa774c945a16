import { HighlightStyle, syntaxHighlighting } from "@codemirror/language";
import { EditorView } from "@codemirror/view";
import { tags } from "@lezer/highlight";

const words = HighlightStyle.define([
  { tag: tags.definition(tags.propertyName), color: "light-dark(#226a61, #7bc2b9)" },
  { tag: tags.comment, color: "var(--quiet)", fontStyle: "italic" },
  { tag: [tags.string, tags.special(tags.string)], color: "light-dark(#6b3fa0, #c3a5ec)" },
  { tag: [tags.keyword, tags.labelName, tags.typeName], color: "light-dark(#8a5a00, #e6b65c)" },
  { tag: tags.separator, color: "var(--quiet)" },
]);

const page = EditorView.theme({
  "&": { height: "100%", fontSize: "13px", backgroundColor: "var(--surface)" },
  ".cm-scroller": { fontFamily: "var(--mantine-font-family-monospace)", lineHeight: "1.5" },
  ".cm-content": { caretColor: "var(--mantine-color-text)" },
  ".cm-cursor": { borderLeftColor: "var(--mantine-color-text)" },
  ".cm-gutters": {
    backgroundColor: "var(--surface)",
    color: "var(--quiet)",
    borderRight: "1px solid var(--hairline)",
  },
  ".cm-activeLine, .cm-activeLineGutter": { backgroundColor: "light-dark(#f2f5f4, #202526)" },
  "&.cm-focused .cm-selectionBackground, .cm-selectionBackground": {
    backgroundColor: "light-dark(#cfe6e2, #1f4a44)",
  },
  ".cm-panels, .cm-tooltip": {
    backgroundColor: "var(--surface)",
    color: "var(--mantine-color-text)",
    border: "1px solid var(--hairline)",
  },
});

/** The colours of a text, in light and in dark. */
export const colours = [page, syntaxHighlighting(words)];
