/** Blank lines around pieces of a text. */

import { lineAt, lineStart } from "@/builder/document/lines";

/** Where the blank lines right above a line begin; the line itself if there are none. */
export function lineBefore(text: string, from: number): number {
  let start = from;
  while (start > 0) {
    const above = lineAt(text, lineStart(text, start - 1));
    // What stands before the first line break may be the rest of the line of a marker.
    if (above.kind !== "blank" || above.from === 0) break;
    start = above.from;
  }
  return start;
}
