/** A query that always holds, and one that never does. */
const ALWAYS = "(min-width: 0px)";
const NEVER = "(max-width: 0px)";

const ASKED = /\(\s*prefers-color-scheme\s*:\s*(dark|light)\s*\)/gi;
const BOTH = /(color-scheme"?\s*(?::|content\s*=\s*["']?)\s*["']?)(?:light\s+dark|dark\s+light)/gi;

/** Whether an HTML says how it looks to readers whose programs are dark. */
export function hasDarkColours(html: string): boolean {
  return /color-scheme[^;}>]*dark/i.test(html);
}

/**
 * An HTML as it looks in light or in dark, not as the reader of this page prefers it.
 *
 * A frame knows the preference of its browser alone, so the questions for it are answered here.
 */
export function inScheme(html: string, dark: boolean): string {
  return html
    .replace(ASKED, (_, wanted: string) =>
      (wanted.toLowerCase() === "dark") === dark ? ALWAYS : NEVER,
    )
    .replace(BOTH, (_, before: string) => `${before}${dark ? "dark" : "light"}`);
}
