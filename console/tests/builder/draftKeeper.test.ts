import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import {
  AGAIN,
  DraftKeeper,
  type DraftServer,
  type KeptDraft,
  PAUSE,
  type Saved,
  type ShelvedDraft,
} from "@/builder/draftKeeper";
import { type Random, randomFrom } from "./random";

const MORE = Number(process.env.PARCOURS_MORE_EDITS ?? "1");
const OPENED: KeptDraft = { revision: null, text: "live", base: 1 };

interface Call {
  readonly answer: () => void;
  readonly lose: (after: boolean) => void;
}

/** A server whose answers come when a test lets them, or never. */
class Server implements DraftServer {
  draft: { revision: number; text: string } | null = null;
  /** Every text that a draft has had. */
  readonly past: string[] = [];
  calls: Call[] = [];
  #revision = 0;

  save = (draft: { text: string }, over: KeptDraft): Promise<Saved> =>
    this.#call(() => {
      const current = this.draft;
      if ((current?.revision ?? null) !== over.revision) {
        return current === null
          ? { outcome: "gone", base: over.base }
          : { outcome: "changed", theirs: { ...current, savedBy: "grace" } };
      }
      this.put(draft.text);
      return { outcome: "kept", revision: this.#revision, newest: 1 };
    });

  remove = (revision: number): Promise<void> =>
    this.#call(() => {
      if (this.draft?.revision === revision) {
        this.draft = null;
      }
    });

  put(text: string): void {
    this.#revision += 1;
    this.draft = { revision: this.#revision, text };
    this.past.push(text);
  }

  #call<Answer>(act: () => Answer): Promise<Answer> {
    return new Promise((resolve, reject) => {
      this.calls.push({
        answer: () => resolve(act()),
        lose: (after) => {
          if (after) {
            act();
          }
          reject(new TypeError("lost"));
        },
      });
    });
  }
}

class Shelves {
  kept: ShelvedDraft | null = null;
  put = (draft: ShelvedDraft): void => {
    this.kept = draft;
  };
  clear = (): void => {
    this.kept = null;
  };
}

async function answerAll(server: Server): Promise<void> {
  for (let turn = 0; turn < 20; turn++) {
    await vi.advanceTimersByTimeAsync(AGAIN);
    const { calls } = server;
    server.calls = [];
    for (const call of calls) {
      call.answer();
    }
    await vi.advanceTimersByTimeAsync(0);
  }
}

/** Something that happens to a keeper at random: typing, time, an answer, a loss. */
async function happens(keeper: DraftKeeper, server: Server, random: Random, typed: string[]) {
  const what = random.below(3);
  if (what === 0) {
    const text = `text ${typed.length}`;
    typed.push(text);
    keeper.change(text);
  } else if (what === 1) {
    await vi.advanceTimersByTimeAsync(random.pick([10, PAUSE, AGAIN]));
  } else {
    const call = server.calls.shift();
    if (random.chance(0.5)) {
      call?.answer();
    } else {
      call?.lose(random.chance(0.5));
    }
    await vi.advanceTimersByTimeAsync(0);
  }
}

describe("a draft keeper", () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it("never is in conflict with itself, and ends with what was typed last", async () => {
    for (let seed = 0; seed < 100 * MORE; seed++) {
      const [server, shelf, random] = [new Server(), new Shelves(), randomFrom(seed)];
      const keeper = new DraftKeeper(server, shelf, OPENED);
      const typed: string[] = [];
      for (let turn = 0; turn < 30; turn++) {
        await happens(keeper, server, random, typed);
        expect(keeper.state().keeping.state, `seed ${seed}`).not.toBe("conflict");
        // What the server does not have is on the shelf at any time.
        expect([server.draft?.text ?? "live", shelf.kept?.text]).toContain(keeper.text);
      }
      await answerAll(server);
      expect(server.draft?.text ?? "live", `seed ${seed}`).toBe(typed.at(-1) ?? "live");
      expect(keeper.state().keeping.state).toBe("kept");
      expect(shelf.kept).toBeNull();
    }
  });

  it("shows another one's text before it takes its place", async () => {
    for (let seed = 0; seed < 100 * MORE; seed++) {
      const [server, random] = [new Server(), randomFrom(seed)];
      const keeper = new DraftKeeper(server, new Shelves(), OPENED);
      const typed: string[] = [];
      const seen = new Set<string>();
      for (let turn = 0; turn < 30; turn++) {
        await happens(keeper, server, random, typed);
        if (random.chance(0.1)) {
          server.put(`theirs ${turn}`);
        }
        const { keeping } = keeper.state();
        if (keeping.state === "conflict") {
          seen.add(keeping.theirs.text);
          keeper.settle(keeping.theirs, true);
        }
      }
      await answerAll(server);
      const { keeping } = keeper.state();
      if (keeping.state === "conflict") {
        seen.add(keeping.theirs.text);
      }
      // Another one's text that was followed by one of these texts had been shown here.
      server.past.forEach((text, place) => {
        const next = server.past[place + 1];
        if (text.startsWith("theirs") && next?.startsWith("text")) {
          expect(seen, `seed ${seed}`).toContain(text);
        }
      });
    }
  });

  it("saves what is changed after a removal under a new revision", async () => {
    const [server, shelf] = [new Server(), new Shelves()];
    const keeper = new DraftKeeper(server, shelf, OPENED);
    keeper.change("mine");
    await answerAll(server);
    const removal = keeper.remove("live", 2);
    keeper.change("mine");
    await answerAll(server);
    await removal;
    await answerAll(server);
    expect(server.draft?.text).toBe("mine");
    expect(keeper.state()).toMatchObject({ base: 2, differs: true });
  });
});
