import { lazy, Suspense } from "react";
import { LoadingLine } from "@/components/LoadingLine";
import type { CodeEditorProps } from "./CodeEditor";

const CodeEditor = lazy(() =>
  import("./CodeEditor").then((module) => ({ default: module.CodeEditor })),
);

/** The editor of a text. Its library is loaded when one is first shown. */
export function TextEditor(props: CodeEditorProps) {
  return (
    <Suspense fallback={<LoadingLine />}>
      <CodeEditor {...props} />
    </Suspense>
  );
}
