import { describe, expect, test } from "vitest";
import { actionsOf, type Job } from "../../src/api/jobs";
import { viewSearch, viewsOf } from "../../src/components/views";
import { possibleRepairs } from "../../src/runs/RunRepairs";
import { allThatMatch, type RunFilters } from "../../src/runs/repairs";

const NONE: RunFilters = { journey: "", step: "", state: "", contact: "", held: "", code: "" };

describe("all runs that match the filters", () => {
  test("are named as a repair names them", () => {
    const filters = { ...NONE, journey: "cart", step: "mail", held: "retry", code: "timeout" };
    expect(allThatMatch(filters)).toEqual({
      journey: "cart",
      step: "mail",
      held: "retry",
      code: "timeout",
    });
    expect(allThatMatch({ ...NONE, contact: "ada", state: "active" })).toEqual({
      contacts: ["ada"],
    });
  });

  test("cannot be repaired without a journey or a contact, nor once they have ended", () => {
    expect(allThatMatch({ ...NONE, step: "mail" })).toBeNull();
    expect(allThatMatch({ ...NONE, journey: "cart", state: "ended" })).toBeNull();
    expect(allThatMatch({ ...NONE, journey: "cart", state: "stuck" })).toBeNull();
  });
});

type Visit = Parameters<typeof possibleRepairs>[0]["visits"][number];

const visit = (about: Partial<Visit>): Visit => ({
  step: "mail",
  kind: "email",
  visit: 1,
  outcome: null,
  started_at: "2026-03-01T08:00:00Z",
  ended_at: null,
  message_id: null,
  facts: {},
  due_at: null,
  held: null,
  message: null,
  retry: null,
  ...about,
});

describe("what can be done with one run", () => {
  test("depends on where it stands", () => {
    const retried = visit({ held: "retry" });
    expect(possibleRepairs({ state: "active", visits: [retried] })).toEqual([
      "retry",
      "skip",
      "goto",
      "exit",
      "cancel",
    ]);
    expect(possibleRepairs({ state: "active", visits: [visit({ held: "cap" })] })).not.toContain(
      "retry",
    );
    expect(possibleRepairs({ state: "active", visits: [visit({ outcome: "sent" })] })).toEqual([
      "exit",
      "cancel",
    ]);
    expect(possibleRepairs({ state: "ended", visits: [visit({ outcome: "sent" })] })).toEqual([]);
  });

  test("a message that failed can be sent again, also after the end", () => {
    const message = {
      state: "refused",
      attempts: 3,
      code: "bounced",
      detail: null,
      provider: "smtp",
      provider_id: null,
    } as const;
    const failed = visit({ outcome: "failed", message });
    expect(possibleRepairs({ state: "ended", visits: [failed] })).toEqual(["retry"]);
  });
});

describe("what can be done with a job", () => {
  const job = (about: Partial<Job>) =>
    ({
      kind: "repair",
      subject: "skip mail of cart",
      state: "running",
      paused_at: null,
      asked_by: "me",
      ...about,
    }) as Job;

  test("one that waits is approved by another key than the one that asked", () => {
    expect(actionsOf(job({ state: "waiting" }), "me")).toEqual(["cancel"]);
    expect(actionsOf(job({ state: "waiting" }), "you")).toEqual(["approve", "cancel"]);
  });

  test("one that has ended is undone where it can be", () => {
    expect(actionsOf(job({ state: "done" }), "me")).toEqual(["undo"]);
    expect(actionsOf(job({ state: "done", subject: "exit of cart" }), "me")).toEqual([]);
    expect(actionsOf(job({ state: "done", kind: "move" }), "me")).toEqual([]);
    expect(actionsOf(job({ state: "done", subject: "undo of skip mail" }), "me")).toEqual([]);
  });

  test("an erasure is not stopped", () => {
    expect(actionsOf(job({ kind: "erase" }), "me")).toEqual(["pause"]);
    expect(actionsOf(job({ paused_at: "2026-03-01T08:00:00Z" }), "me")).toEqual([
      "resume",
      "cancel",
    ]);
  });
});

describe("saved views", () => {
  test("are the same however the address is written", () => {
    const one = new URLSearchParams("state=active&journey=cart&ticked=1");
    expect(viewSearch(one, ["ticked"])).toBe("journey=cart&state=active");
  });

  test("a text that was not stored by us is none", () => {
    expect(viewsOf("not JSON")).toEqual([]);
    expect(viewsOf('[{"name": "mine", "search": ""}, {"name": 3}, null]')).toEqual([
      { name: "mine", search: "" },
    ]);
  });
});
