/** Keeps a text as a draft on the server: one save at a time, and in this browser meanwhile. */

/** Milliseconds after the last change until a draft is saved. */
export const PAUSE = 800;
/** Milliseconds until a save that failed is tried again. */
export const AGAIN = 5_000;
/** Texts without an answer that are remembered. */
const MOST_SENT = 5;

/** How the draft of a document stands on the server. */
export type Keeping =
  | { readonly state: "kept" }
  | { readonly state: "changed" }
  | { readonly state: "keeping" }
  /** The server cannot be reached, or refuses: the text is kept in this browser meanwhile. */
  | { readonly state: "waiting"; readonly error: unknown }
  /** Someone else has saved since: both texts are shown, and one of them is chosen. */
  | { readonly state: "conflict"; readonly theirs: OtherDraft };

/** A text that somebody else saved: a draft, or without a revision the document itself. */
export interface OtherDraft {
  readonly text: string;
  readonly revision: number | null;
  readonly savedBy: string | null;
}

/** A draft as the server has it; without a revision there is none, and the text is the document. */
export interface KeptDraft {
  readonly revision: number | null;
  readonly text: string;
  /** The version that it was begun from. */
  readonly base: number | null;
}

export type NewDraft = Omit<KeptDraft, "revision">;

/** What a save led to: it is kept, or the draft is another one, or there is none any more. */
export type Saved =
  | { readonly outcome: "kept"; readonly revision: number; readonly newest: number | null }
  | { readonly outcome: "changed"; readonly theirs: OtherDraft }
  | { readonly outcome: "gone"; readonly base: number | null };

export interface DraftServer {
  /**
   * Saves a draft over the one that was kept. Throws if the server refuses or is away. `last`: the
   * page may be gone before it answers.
   */
  readonly save: (draft: NewDraft, over: KeptDraft, last: boolean) => Promise<Saved>;
  readonly remove: (revision: number) => Promise<void>;
}

/** A text that the server does not have yet, with the draft that it follows. */
export interface ShelvedDraft extends KeptDraft {
  /** Texts that were sent, of which it is not known whether the server has them. */
  readonly sent: readonly string[];
}

/** A place in this browser for a text that the server does not have yet. */
export interface Shelf {
  readonly put: (draft: ShelvedDraft) => void;
  readonly clear: () => void;
}

/** What a page shows of a draft. */
export interface DraftState {
  readonly keeping: Keeping;
  /** The version that the text was begun from. */
  readonly base: number | null;
  /** The newest version of the document that the server has spoken of. */
  readonly newest: number | null;
  /** Whether there is anything that the document does not say: a draft, or a change on its way. */
  readonly differs: boolean;
}

/** The draft of one document, while a page edits it. */
export class DraftKeeper {
  #keeping: Keeping = { state: "kept" };
  #newest: number | null = null;
  #state: DraftState;
  #kept: KeptDraft;
  #text: string;
  #base: number | null;
  #saving: Promise<void> | null = null;
  /** Texts that were sent without an answer since the draft was last known. */
  #sent: readonly string[] = [];
  #timer: ReturnType<typeof setTimeout> | undefined;
  readonly #listeners = new Set<() => void>();

  constructor(
    private readonly server: DraftServer,
    private readonly shelf: Shelf,
    opened: KeptDraft,
  ) {
    this.#kept = opened;
    this.#text = opened.text;
    this.#base = opened.base;
    this.#state = this.#stateNow();
  }

  get #unsaved(): boolean {
    const { base, revision, text } = this.#kept;
    return this.#text !== text || (revision !== null && this.#base !== base);
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  /** The same object until something of it changes. */
  readonly state = (): DraftState => this.#state;

  /** Takes the text as it is now. It is put on the shelf at once, and saved after a pause. */
  change(text: string): void {
    if (text === this.#text) {
      return;
    }
    this.#text = text;
    if (text === this.#kept.text && this.#saving === null) {
      clearTimeout(this.#timer);
      this.shelf.clear();
      if (this.#keeping.state !== "conflict") {
        this.#become({ state: "kept" });
      }
      return;
    }
    this.#putAside();
    if (this.#keeping.state === "conflict") {
      return;
    }
    if (this.#keeping.state !== "waiting") {
      this.#become({ state: "changed" });
    }
    this.#schedule(PAUSE);
  }

  /** Takes up a text that an earlier page could not save any more. */
  takeUp(text: string, theirs: OtherDraft | null): void {
    this.#text = text;
    this.#putAside();
    if (theirs !== null) {
      this.#become({ state: "conflict", theirs });
      return;
    }
    this.#become({ state: "changed" });
    this.#schedule(PAUSE);
  }

  /** Saves now what is not saved yet, such as when the server can be reached again. */
  async flush(last = false): Promise<void> {
    if (this.#unsaved && this.#keeping.state !== "conflict" && this.#saving === null) {
      this.#saving = this.#save(last);
      await this.#saving;
    }
  }

  /** Goes on after a conflict from the other's text: with mine over it, or with theirs. */
  settle(theirs: OtherDraft, mine: boolean): void {
    this.#kept = { ...this.#kept, revision: theirs.revision, text: theirs.text };
    this.#sent = [];
    this.#text = mine ? this.#text : theirs.text;
    if (mine) {
      this.#become({ state: "changed" });
      this.#schedule(0);
    } else {
      this.shelf.clear();
      this.#become({ state: "kept" });
    }
  }

  /** Says that the text goes on from another version than it was begun from. */
  rebase(version: number | null): void {
    this.#base = version;
    this.#become(this.#keeping);
    void this.flush();
  }

  /** The text as it was changed last. */
  get text(): string {
    return this.#text;
  }

  /** Goes on from the document as somebody has saved it by now, where nothing differs from it. */
  follow(text: string, version: number): void {
    const { base, differs } = this.#state;
    if (!differs) {
      if (text !== this.#text || version !== base) {
        this.#adopt(text, version);
      }
    } else if (text === this.#text && version !== base) {
      this.rebase(version);
    }
  }

  #adopt(text: string, base: number | null): void {
    clearTimeout(this.#timer);
    this.#kept = { revision: null, text, base };
    this.#sent = [];
    this.#text = text;
    this.#base = base;
    this.shelf.clear();
    this.#become({ state: "kept" });
  }

  /** Removes the draft, if it is still as it was kept; `now` is the text that needs none. */
  async remove(now: string, base: number | null = this.#base): Promise<void> {
    clearTimeout(this.#timer);
    // The page shows that text already: it is no change that would have to be saved.
    this.#text = now;
    await this.#saving;
    const { revision } = this.#kept;
    const typed = this.#text;
    this.#adopt(now, base);
    this.change(typed);
    if (revision === null) {
      return;
    }
    const removal = this.server.remove(revision);
    // What is changed again waits, so that it is not removed as well.
    this.#saving = removal
      .catch(() => undefined)
      .then(() => {
        this.#saving = null;
        this.#goOn(0);
      });
    await removal;
  }

  /** Ends with the page: what is not saved yet is sent, and stays on the shelf. */
  leave(): void {
    clearTimeout(this.#timer);
    void this.flush(true);
  }

  #putAside(): void {
    this.shelf.put({ ...this.#kept, text: this.#text, base: this.#base, sent: this.#sent });
  }

  #schedule(after: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.flush(), after);
  }

  #stateNow(): DraftState {
    return {
      keeping: this.#keeping,
      base: this.#base,
      newest: this.#newest,
      differs: this.#kept.revision !== null || this.#unsaved,
    };
  }

  #become(keeping: Keeping): void {
    this.#keeping = keeping;
    this.#state = this.#stateNow();
    for (const listener of this.#listeners) {
      listener();
    }
  }

  async #save(last: boolean): Promise<void> {
    clearTimeout(this.#timer);
    const draft = { text: this.#text, base: this.#base };
    this.#sent = [...new Set([...this.#sent, draft.text])].slice(-MOST_SENT);
    this.#putAside();
    if (this.#keeping.state !== "waiting") {
      this.#become({ state: "keeping" });
    }
    try {
      const saved = await this.server.save(draft, this.#kept, last);
      this.#saving = null;
      this.#take(saved, draft);
    } catch (error) {
      this.#saving = null;
      this.#become({ state: "waiting", error });
      this.#schedule(AGAIN);
    }
  }

  #take(saved: Saved, { base, text }: NewDraft): void {
    if (saved.outcome === "gone") {
      this.#kept = { ...this.#kept, revision: null };
      this.#base = saved.base;
      this.#goOn(0);
      return;
    }
    if (saved.outcome === "kept") {
      this.#newest = saved.newest;
      this.#sent = [];
      this.#kept = { revision: saved.revision, text, base };
      this.#goOn(PAUSE);
      return;
    }
    const { theirs } = saved;
    if (theirs.text !== text && !this.#sent.includes(theirs.text)) {
      this.#become({ state: "conflict", theirs });
      return;
    }
    // It is a text of this page, of which the answer was lost.
    this.#sent = [];
    this.#kept = { ...this.#kept, revision: theirs.revision, text: theirs.text };
    this.#goOn(0);
  }

  /** Saves again what was typed meanwhile, if anything was. */
  #goOn(after: number): void {
    if (this.#unsaved) {
      this.#putAside();
      this.#become({ state: "changed" });
      this.#schedule(after);
    } else {
      this.shelf.clear();
      this.#become({ state: "kept" });
    }
  }
}
