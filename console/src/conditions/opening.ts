import type { Path } from "@/builder/document/reading";
import type { Value } from "@/builder/document/values";
import { sentenceOf } from "./sentences";

/** The path of the first line of a condition, which is opened once it was added. */
export function firstLine(value: Value, path: Path): Path | null {
  const sentence = sentenceOf(value, path);
  if (sentence.form !== "group") {
    return path;
  }
  const list = sentence.single ? sentence.at : [...sentence.at, 0];
  const [first] = sentence.items;
  return first === undefined ? null : first.form === "group" ? null : list;
}
