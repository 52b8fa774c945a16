import type { Neighbours } from "@/builder/layout/order";

/** A key that was pressed, as React and the browser tell it alike. */
interface Pressed {
  readonly key: string;
  readonly altKey: boolean;
  readonly shiftKey: boolean;
  readonly ctrlKey: boolean;
  readonly metaKey: boolean;
  readonly target: EventTarget | null;
  preventDefault: () => void;
}

/** What the keys of the graph lead to. */
export interface KeyCommands {
  undo: () => void;
  redo: () => void;
  copy: () => void;
  paste: () => void;
  duplicate: () => void;
  remove: () => void;
  insert: () => void;
  clear: () => void;
  openPanel: () => void;
  /** Edit the name of a way where it stands. */
  rename: () => void;
  selectAll: () => void;
  moveTo: (key: string, more: boolean) => void;
}

function withModifier(event: Pressed, commands: KeyCommands): (() => void) | undefined {
  const known: Readonly<Record<string, () => void>> = {
    z: event.shiftKey ? commands.redo : commands.undo,
    y: commands.redo,
    c: commands.copy,
    v: commands.paste,
    d: commands.duplicate,
    a: commands.selectAll,
  };
  return known[event.key.toLowerCase()];
}

function arrow(event: Pressed, near: Neighbours | undefined): string | null | undefined {
  switch (event.key) {
    case "ArrowDown":
      return near?.next ?? near?.into;
    case "ArrowUp":
      return near?.previous ?? near?.out;
    case "ArrowRight":
      return near?.right ?? near?.into;
    case "ArrowLeft":
      return near?.left ?? near?.out;
    default:
      return undefined;
  }
}

function plain(event: Pressed, commands: KeyCommands): (() => void) | undefined {
  const known: Readonly<Record<string, () => void>> = {
    Delete: commands.remove,
    Backspace: commands.remove,
    "+": commands.insert,
    Enter: commands.openPanel,
    Escape: commands.clear,
    F2: commands.rename,
  };
  return known[event.key];
}

/** Does what a key of the graph stands for; keys that are typed into a field are left alone. */
export function handleKey(
  event: Pressed,
  near: Neighbours | undefined,
  commands: KeyCommands,
): void {
  if (event.target instanceof HTMLElement && event.target.closest("input, textarea, select, a")) {
    return;
  }
  if (event.key.startsWith("Arrow")) {
    event.preventDefault();
    const next = arrow(event, near);
    if (next != null) {
      commands.moveTo(next, event.shiftKey);
    }
    return;
  }
  const command =
    event.ctrlKey || event.metaKey ? withModifier(event, commands) : plain(event, commands);
  if (command !== undefined) {
    event.preventDefault();
    command();
  }
}

/** What keys lead to wherever in the builder they are pressed. */
export interface KeysAnywhere {
  /** From the graph to what stands beside it, and back. */
  across: () => void;
  /** From the settings to the text, and back. */
  turn: () => void;
  search: () => void;
  undo: () => void;
  redo: () => void;
  /** Show all keys. */
  list: () => void;
}

const TYPED = "input, textarea, select, [contenteditable=true]";

/** Does what a key stands for everywhere; `within` says whether it was pressed on the page of the builder. */
export function handleKeyAnywhere(event: Pressed, within: boolean, commands: KeysAnywhere): void {
  const held = event.ctrlKey || event.metaKey;
  const typed = event.target instanceof HTMLElement && event.target.closest(TYPED) !== null;
  let command: (() => void) | undefined;
  if (event.key === "F6" && !held && !event.altKey) {
    command = event.shiftKey ? commands.turn : commands.across;
  } else if (within && held && !event.shiftKey && event.key.toLowerCase() === "f") {
    command = commands.search;
  } else if (within && held && !typed && /^[yz]$/i.test(event.key)) {
    // What is typed into a field is undone by the browser.
    command = event.key.toLowerCase() === "y" || event.shiftKey ? commands.redo : commands.undo;
  } else if (event.key === "?" && !held && !typed) {
    command = commands.list;
  }
  if (command !== undefined) {
    event.preventDefault();
    command();
  }
}
