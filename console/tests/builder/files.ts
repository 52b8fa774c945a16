/** The files that tests open: the library, the real programmes. */

import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../../../", import.meta.url));

function read(path: string): string {
  return readFileSync(`${root}${path}`, "utf8");
}

/** Name and text of every file of the library, and of the real programmes. */
export const files: readonly (readonly [string, string])[] = [
  ...readdirSync(`${root}journeys/library`)
    .filter((name) => name.endsWith(".yaml"))
    .sort()
    .map((name) => [name, read(`journeys/library/${name}`)] as const),
  ["programmes.yaml", read("tests/fixtures/programmes.yaml")],
];

/** The text of the file of the library called `name`. */
export function library(name: string): string {
  return read(`journeys/library/${name}.yaml`);
}
