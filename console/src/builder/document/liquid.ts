/** References to steps inside templates: `{{ steps.code.code }}`, `{{ steps["my step"].at }}`. */

const MARKUP = /\{\{[\s\S]*?\}\}|\{%[\s\S]*?%\}/g;
const INSIDE =
  /(?<![\w.\]-])(steps\s*\.\s*)([\p{L}\p{N}_-]+)|(?<![\w.\]-])(steps\s*\[\s*)(\\?["'])(.*?)\4(\s*\])|"[^"]*"|'[^']*'/gu;
const NAME = /^[\p{L}_][\p{L}\p{N}_-]*$/u;

/** A template with the names of steps replaced; text outside of its markup stays. */
export function renameInTemplate(template: string, renaming: ReadonlyMap<string, string>): string {
  return template.replace(MARKUP, (markup) =>
    markup.replace(INSIDE, (whole, dot, name, bracket, quote, quoted, end) => {
      const to = renaming.get(String(name ?? quoted ?? ""));
      if (to === undefined) return whole;
      if (dot !== undefined) return NAME.test(to) ? `${dot}${to}` : `steps["${to}"]`;
      return bracket === undefined ? whole : `${bracket}${quote}${to}${quote}${end}`;
    }),
  );
}
