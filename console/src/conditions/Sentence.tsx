import classes from "./conditions.module.css";
import type { Piece } from "./words";

/** A sentence whose chosen parts stand out. */
export function Sentence({ pieces }: { pieces: readonly Piece[] }) {
  return pieces.map((piece, place) => (
    // biome-ignore lint/suspicious/noArrayIndexKey: the same words may come twice.
    <span key={place}>
      {place > 0 && " "}
      {piece.chosen ? <em className={classes.chosen}>{piece.text}</em> : piece.text}
    </span>
  ));
}
