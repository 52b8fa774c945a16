import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { brotliCompressSync, gzipSync } from "node:zlib";
import type { Plugin } from "vite";

const PACKED = /\.(js|css|svg|json|txt)$/;
/** Bytes below which packing saves nothing. */
const SMALL = 1024;

/** Write each file of a build a second and a third time, packed: the server only hands them on. */
export function precompression(folder: string): Plugin {
  return {
    name: "precompression",
    apply: "build",
    writeBundle() {
      for (const name of readdirSync(folder, { recursive: true, encoding: "utf8" })) {
        const path = join(folder, name);
        if (!PACKED.test(name) || !statSync(path).isFile()) continue;
        const plain = readFileSync(path);
        if (plain.length < SMALL) continue;
        writeFileSync(`${path}.br`, brotliCompressSync(plain));
        writeFileSync(`${path}.gz`, gzipSync(plain, { level: 9 }));
      }
    },
  };
}
