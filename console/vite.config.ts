import { fileURLToPath } from "node:url";
import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";
import { precompression } from "./precompression.ts";

const folder = (path: string) => fileURLToPath(new URL(path, import.meta.url));

const built = folder("../api/console/dist");

export default defineConfig({
  base: "/console/",
  plugins: [react(), precompression(built)],
  resolve: { alias: { "@": folder("src") } },
  // The server puts the nonce of each answer in the place of this word.
  html: { cspNonce: "__NONCE__" },
  build: {
    outDir: built,
    emptyOutDir: true,
    target: "es2022",
    // Browsers that know light-dark(): without it, colours are made for light alone.
    cssTarget: ["chrome123", "edge123", "firefox120", "safari17.5"],
    // The policy of the page allows no data: addresses, except for images.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 900,
  },
  // The files share nothing that a test changes: they need no surroundings of their own.
  test: {
    include: ["tests/**/*.test.ts", "tests/**/*.test.tsx"],
    testTimeout: 20_000,
    isolate: false,
    pool: "threads",
  },
});
