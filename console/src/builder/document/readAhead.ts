/** Reads a long text in slices, so that the page answers to the pointer and to keys meanwhile. */

import { Composer, type CST, type Document, Lexer, Parser } from "yaml";
import { firstUnread, keepReading, SYNTAX } from "@/builder/document/reading";

/** Milliseconds of one slice. */
const SLICE = 15;
/** Texts that one edit may have to read: brackets that it writes as lines are one each. */
const MOST = 16;

const nextTask = () => new Promise<void>((resolve) => setTimeout(resolve));

/** The trees of a text, as `parseYaml` reads them. `pause` is awaited between slices. */
export async function treesInSlices(
  text: string,
  pause: () => Promise<void> = nextTask,
): Promise<Document.Parsed[]> {
  const parser = new Parser();
  const tokens: CST.Token[] = [];
  let until = performance.now() + SLICE;
  for (const lexeme of new Lexer().lex(text)) {
    tokens.push(...parser.next(lexeme));
    if (performance.now() > until) {
      await pause();
      until = performance.now() + SLICE;
    }
  }
  tokens.push(...parser.end());
  await pause();
  return [...new Composer(SYNTAX).compose(tokens)] as Document.Parsed[];
}

/** Reads all long texts that some work reads, so that it is quick once it is done in earnest. */
export async function readAhead(
  work: () => unknown,
  pause: () => Promise<void> = nextTask,
): Promise<void> {
  for (let turn = 0; turn < MOST; turn++) {
    const text = firstUnread(work);
    await pause();
    if (text === null) {
      return;
    }
    try {
      keepReading(text, await treesInSlices(text, pause));
    } catch (error) {
      // Too deep to be read: who reads it says so.
      if (error instanceof RangeError) {
        return;
      }
      throw error;
    }
    await pause();
  }
}
