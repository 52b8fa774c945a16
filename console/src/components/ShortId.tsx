const SHOWN = 8;

/** The end of an id, which tells it from others of the same time; the title has all of it. */
export function ShortId({ id }: { id: string }) {
  return (
    <code className="short" title={id}>
      {id.length > SHOWN ? `…${id.slice(-SHOWN)}` : id}
    </code>
  );
}
