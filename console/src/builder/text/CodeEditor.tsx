import { defaultKeymap, indentWithTab } from "@codemirror/commands";
import { yaml } from "@codemirror/lang-yaml";
import { bracketMatching, foldGutter, foldKeymap, indentOnInput } from "@codemirror/language";
import { lintGutter, setDiagnostics } from "@codemirror/lint";
import { highlightSelectionMatches, search, searchKeymap } from "@codemirror/search";
import { Annotation, EditorState } from "@codemirror/state";
import {
  drawSelection,
  EditorView,
  highlightActiveLine,
  keymap,
  lineNumbers,
} from "@codemirror/view";
import { useEffect, useRef } from "react";
import { nonce } from "@/app/nonce";
import { texts } from "@/texts";
import { colours } from "./colours";

/** A problem in a text, from one offset to another. */
export interface TextProblem {
  from: number;
  to: number;
  severity: "error" | "warning";
  message: string;
}

/** A change of a text: what stood from one offset to another became something else. */
export interface TextChange {
  from: number;
  to: number;
  insert: string;
}

export interface CodeEditorProps {
  label: string;
  text: string;
  /** Called with what was typed; without it, the text cannot be changed. */
  onChange?: (text: string, changes: readonly TextChange[]) => void;
  problems?: readonly TextProblem[];
  /** The range that is marked, such as that of the chosen step. */
  selection?: { from: number; to: number } | undefined;
  /** Called when the cursor moves by the reader's own hand. */
  onCursor?: (offset: number) => void;
  /** Undo and redo, which belong to the document and not to this view of it. */
  onUndo?: () => void;
  onRedo?: () => void;
}

/** Marks a change that came from outside, and is not reported back. */
const fromOutside = Annotation.define<boolean>();

/** The smallest change that makes one text of another. */
function changeBetween(before: string, after: string): TextChange {
  let from = 0;
  const shorter = Math.min(before.length, after.length);
  while (from < shorter && before[from] === after[from]) {
    from += 1;
  }
  let to = before.length;
  let end = after.length;
  while (to > from && end > from && before[to - 1] === after[end - 1]) {
    to -= 1;
    end -= 1;
  }
  return { from, to, insert: after.slice(from, end) };
}

/** A text with line numbers, folding, search and problems, that stays in step with its owner. */
export function CodeEditor(props: CodeEditorProps) {
  const { label, text, problems, selection } = props;
  const frame = useRef<HTMLDivElement>(null);
  const view = useRef<EditorView | null>(null);
  const latest = useRef(props);
  useEffect(() => {
    latest.current = props;
  });

  const editable = props.onChange !== undefined;
  useEffect(() => {
    if (frame.current === null) {
      return;
    }
    const own = new EditorView({
      parent: frame.current,
      state: EditorState.create({
        doc: latest.current.text,
        extensions: [
          EditorView.cspNonce.of(nonce),
          lineNumbers(),
          foldGutter(),
          lintGutter(),
          drawSelection(),
          indentOnInput(),
          bracketMatching(),
          highlightActiveLine(),
          highlightSelectionMatches(),
          search({ top: true }),
          yaml(),
          colours,
          EditorState.tabSize.of(2),
          // A journey with CRLF keeps it: the editor counts a line break as one character.
          EditorState.lineSeparator.of("\n"),
          EditorState.readOnly.of(!editable),
          EditorView.editable.of(editable),
          EditorView.contentAttributes.of({
            "aria-label": label,
            "aria-description": texts.builder.textKeys,
            tabindex: "0",
          }),
          keymap.of([
            { key: "Mod-z", run: () => runOf(latest.current.onUndo), preventDefault: true },
            { key: "Mod-y", run: () => runOf(latest.current.onRedo), preventDefault: true },
            { key: "Mod-Shift-z", run: () => runOf(latest.current.onRedo), preventDefault: true },
            ...searchKeymap,
            ...foldKeymap,
            ...defaultKeymap,
            indentWithTab,
          ]),
          EditorView.updateListener.of((update) => {
            const outside = update.transactions.some((each) => each.annotation(fromOutside));
            if (update.docChanged && !outside) {
              const changes: TextChange[] = [];
              update.changes.iterChanges((from, to, _, __, inserted) => {
                changes.push({ from, to, insert: inserted.toString() });
              });
              latest.current.onChange?.(update.state.doc.toString(), changes);
            }
            if (update.selectionSet && !outside) {
              latest.current.onCursor?.(update.state.selection.main.head);
            }
          }),
        ],
      }),
    });
    view.current = own;
    return () => {
      own.destroy();
      view.current = null;
    };
  }, [editable, label]);

  useEffect(() => {
    const own = view.current;
    const shown = own?.state.doc.toString();
    if (own !== null && shown !== undefined && shown !== text) {
      own.dispatch({ changes: changeBetween(shown, text), annotations: fromOutside.of(true) });
    }
  }, [text]);

  // biome-ignore lint/correctness/useExhaustiveDependencies: problems are set on the text they fit.
  useEffect(() => {
    const own = view.current;
    if (own !== null) {
      const length = own.state.doc.length;
      const fitting = (problems ?? []).map((problem) => ({
        ...problem,
        from: Math.min(problem.from, length),
        to: Math.min(Math.max(problem.to, problem.from), length),
      }));
      own.dispatch(setDiagnostics(own.state, fitting));
    }
  }, [problems, text]);

  const from = selection?.from;
  const to = selection?.to;
  useEffect(() => {
    const own = view.current;
    if (own === null || from === undefined || to === undefined || own.hasFocus) {
      return;
    }
    const length = own.state.doc.length;
    own.dispatch({
      selection: { anchor: Math.min(from, length), head: Math.min(to, length) },
      effects: EditorView.scrollIntoView(Math.min(from, length), { y: "center" }),
      annotations: fromOutside.of(true),
    });
  }, [from, to]);

  return <div ref={frame} style={{ height: "100%", overflow: "auto" }} />;
}

function runOf(action: (() => void) | undefined): boolean {
  action?.();
  return action !== undefined;
}
