declare global {
  var __webpack_nonce__: string | undefined;
}

/** The nonce that the policy of the page asks of styles, as the server wrote it into the page. */
export const nonce =
  document.querySelector('meta[name="csp-nonce"]')?.getAttribute("content") ?? "";

// A library under Mantine's dialogs reads it from this name.
globalThis.__webpack_nonce__ = nonce;
