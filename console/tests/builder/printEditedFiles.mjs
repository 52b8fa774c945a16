// Prints the files of the library after random edits as JSON: `node printEditedFiles.mjs SEED COUNT`.
import { fileURLToPath } from "node:url";
import { runnerImport } from "vite";

const folder = (path) => fileURLToPath(new URL(path, import.meta.url));
const { module } = await runnerImport(folder("./editedFiles.ts"), {
  configFile: false,
  root: folder("../.."),
  resolve: { alias: { "@": folder("../../src") } },
});
const [seed, count] = process.argv.slice(2).map(Number);
process.stdout.write(JSON.stringify(module.editedFiles(seed, count)));
