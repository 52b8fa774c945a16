// Unpack the browser of the package @sparticuz/chromium, with the libraries that it needs.
import { createReadStream, createWriteStream } from "node:fs";
import { chmod } from "node:fs/promises";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { createBrotliDecompress } from "node:zlib";
import tar from "tar-fs";

const target = process.argv[2];
const packed = join(target, "node_modules/@sparticuz/chromium/bin");
const open = (name) => [createReadStream(join(packed, name)), createBrotliDecompress()];

await pipeline(...open("chromium.br"), createWriteStream(join(target, "chromium")));
await chmod(join(target, "chromium"), 0o755);
await pipeline(...open("swiftshader.tar.br"), tar.extract(target));
await pipeline(...open("al2023.tar.br"), tar.extract(target));
await pipeline(...open("fonts.tar.br"), tar.extract(target));
