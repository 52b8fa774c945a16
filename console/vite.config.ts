import { fileURLToPath } from "node:url";
import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";

const folder = (path: string) => fileURLToPath(new URL(path, import.meta.url));

export default defineConfig({
  base: "/console/",
  plugins: [react()],
  resolve: { alias: { "@": folder("src") } },
  // The server puts the nonce of each answer in the place of this word.
  html: { cspNonce: "__NONCE__" },
  build: {
    outDir: folder("../api/console/dist"),
    emptyOutDir: true,
    target: "es2022",
    // The policy of the page allows no data: addresses, except for images.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 900,
  },
  test: { include: ["tests/**/*.test.ts", "tests/**/*.test.tsx"] },
});
