import type { KeyboardEvent } from "react";

/**
 * Give a menu the focus as soon as it is there, so that keys pressed right after the one that
 * opened it reach it. A focus trap comes later, and twice: it takes back what an arrow has done.
 */
export function takeFocus(menu: HTMLElement | null): void {
  // What the focus returns to is remembered first, in the same turn.
  queueMicrotask(() => {
    if (!menu?.isConnected || menu.contains(document.activeElement)) return;
    const first = menu.querySelector<HTMLElement>("[data-autofocus]") ?? menu;
    first.focus({ preventScroll: true });
  });
}

/** Tab leaves no menu that is open, which lies apart from its button: it leads to its search. */
export function keepFocus(event: KeyboardEvent<HTMLElement>): void {
  if (event.key === "Tab") {
    event.preventDefault();
    search(event.currentTarget)?.focus();
  }
}

function search(menu: HTMLElement): HTMLElement | null {
  return menu.querySelector<HTMLElement>("input");
}
