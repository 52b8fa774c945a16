import { Fragment, type ReactNode } from "react";
import { ShortId } from "./ShortId";

const MARK = "`";
const ID = /\b([0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12})\b/;

/**
 * Words of the server: what stands in them between two grave accents is a name as it is written,
 * and of an id that a machine made the end is shown.
 */
export function Marked({ words }: { words: string }) {
  const parts = words.split(MARK);
  // Every second part stood between two marks, if each of them has its other.
  const paired = parts.length % 2 === 1;
  return paired ? inPieces(parts, (name) => <code>{name}</code>, withIds) : withIds(words);
}

function withIds(words: string): ReactNode {
  return inPieces(words.split(ID), (id) => <ShortId id={id} />);
}

/** Pieces one after the other, every second of which is shown in its own way. */
function inPieces(
  pieces: readonly string[],
  second: (piece: string) => ReactNode,
  first: (piece: string) => ReactNode = (piece) => piece,
): ReactNode {
  return pieces.map((piece, place) => (
    // biome-ignore lint/suspicious/noArrayIndexKey: the pieces of a text keep their places.
    <Fragment key={place}>{place % 2 === 0 ? first(piece) : second(piece)}</Fragment>
  ));
}
