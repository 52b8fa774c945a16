import { describe, expect, it } from "vitest";
import { applyEdit } from "@/builder/document/applyEdit";
import { copySteps } from "@/builder/document/clipboard";
import type { Edit } from "@/builder/document/edits";
import { findDocument, openText } from "@/builder/document/reading";
import type { ValueMap } from "@/builder/document/values";
import { library } from "./files";

const START = `# A journey.
journey: cart   # its key
name: 'A cart'
entry: {event: Cart Updated, key: cart_id}
exit:
  - {event: Order Completed}
steps:
  # Give them an hour.
  - {id: quiet, wait: 1h}   # not more

  - id: reminder
    email:
      subject: "Your cart"   # short
      text: |
        Hello,
        {{ steps.quiet.at }}
      topic: offers
  - {id: clicked, wait: {message: reminder, is: clicked, up_to: 1d}}
  - id: interested
    branch:
      - name: warm
        if: {step: clicked, is: happened}
        then:
          - {id: lead, group: {add: [leads]}}
      - else: [{id: code, coupon: {pool: cart10}}]
custom: "kept"
`;

/** The text after edits of its first journey. */
function textAfter(text: string, ...edits: Edit[]): string {
  let made = text;
  for (const edit of edits) {
    const file = openText(made);
    const place = file.documents.findIndex(({ kind }) => kind === "journey");
    const result = applyEdit(file, place, edit);
    if (!result.ok) throw new Error(JSON.stringify(result.refusal));
    made = result.text;
  }
  return made;
}

/** What changed: lines that went with `-`, lines that came with `+`, in the order of the text. */
function changes(before: string, now: string): string[] {
  const [old, made] = [before.split("\n"), now.split("\n")];
  const common = old.map(() => Array<number>(made.length + 1).fill(0));
  common.push(Array<number>(made.length + 1).fill(0));
  const at = (row: number, column: number) => common[row]?.[column] ?? 0;
  for (let row = old.length - 1; row >= 0; row--) {
    for (let column = made.length - 1; column >= 0; column--) {
      const same = old[row] === made[column];
      const longest = Math.max(at(row + 1, column), at(row, column + 1));
      (common[row] as number[])[column] = same ? at(row + 1, column + 1) + 1 : longest;
    }
  }
  const [gone, came]: [string[], string[]] = [[], []];
  for (let row = 0, column = 0; row < old.length || column < made.length; ) {
    if (old[row] === made[column]) {
      row++;
      column++;
    } else if (row < old.length && at(row + 1, column) >= at(row, column + 1)) {
      gone.push(`-${old[row++]}`);
    } else if (column < made.length) {
      came.push(`+${made[column++]}`);
    } else {
      gone.push(`-${old[row++]}`);
    }
  }
  return [...gone, ...came];
}

function edited(...edits: Edit[]): string[] {
  return changes(START, textAfter(START, ...edits));
}

function refused(edit: Edit, text = START) {
  const result = applyEdit(openText(text), 0, edit);
  return result.ok ? null : result.refusal;
}

const lane = ["steps", 3, "branch", 0, "then"];
const otherwise = ["steps", 3, "branch", 1, "else"];

describe("steps", () => {
  it("are inserted as a person would write them", () => {
    const wait = { id: "day", wait: "1d" };
    expect(
      edited({ edit: "insert", target: { list: ["steps"], index: 0 }, steps: [wait] }),
    ).toEqual(["+  - {id: day, wait: 1d}"]);
    expect(
      edited({ edit: "insert", target: { list: ["steps"], index: 4 }, steps: [wait] }),
    ).toEqual(["+  - {id: day, wait: 1d}"]);
    expect(edited({ edit: "insert", target: { list: lane, index: 1 }, steps: [wait] })).toEqual([
      "+          - {id: day, wait: 1d}",
    ]);
    expect(
      edited({ edit: "insert", target: { list: otherwise, index: 1 }, steps: [wait] }),
    ).toEqual([
      "-      - else: [{id: code, coupon: {pool: cart10}}]",
      "+      - else: [{id: code, coupon: {pool: cart10}}, {id: day, wait: 1d}]",
    ]);
    const mail = { id: "mail", email: { subject: "Hi", text: "One\n\nTwo\n", topic: "offers" } };
    expect(edited({ edit: "insert", target: { list: lane, index: 0 }, steps: [mail] })).toEqual([
      ...["+          - id: mail", "+            email:", "+              subject: Hi"],
      ...["+              text: |", "+                One", "+", "+                Two"],
      "+              topic: offers",
    ]);
  });

  it("open brackets where they need lines", () => {
    const mail = { id: "mail", sms: { text: "One\nTwo" } };
    expect(
      edited({ edit: "insert", target: { list: otherwise, index: 0 }, steps: [mail] }),
    ).toEqual([
      "-      - else: [{id: code, coupon: {pool: cart10}}]",
      ...[
        "+      - else:",
        "+          - id: mail",
        "+            sms:",
        "+              text: |-",
      ],
      ...[
        "+                One",
        "+                Two",
        "+          - {id: code, coupon: {pool: cart10}}",
      ],
    ]);
  });

  it("write the list that they are the first of", () => {
    const text = `journey: j
entry: {api: true}
steps:
  - id: b
    branch:
      - {name: a, if: {group: g}, then: []}
  - id: s
    split:
      - name: x
        weight: 1
      - {name: y, weight: 1}
exit: {event: Gone}
`;
    const wait = { id: "w", wait: "1d" };
    const into = (list: (string | number)[]) =>
      changes(text, textAfter(text, { edit: "insert", target: { list, index: 0 }, steps: [wait] }));
    expect(into(["steps", 0, "branch", 0, "then"])).toEqual([
      "-      - {name: a, if: {group: g}, then: []}",
      "+      - {name: a, if: {group: g}, then: [{id: w, wait: 1d}]}",
    ]);
    expect(into(["steps", 0, "branch", 1, "else"])).toEqual([
      "+      - else:",
      "+          - {id: w, wait: 1d}",
    ]);
    expect(into(["steps", 1, "split", 0, "then"])).toEqual([
      "+        then:",
      "+          - {id: w, wait: 1d}",
    ]);
    expect(into(["steps", 1, "split", 1, "then"])).toEqual([
      "-      - {name: y, weight: 1}",
      "+      - {name: y, weight: 1, then: [{id: w, wait: 1d}]}",
    ]);
    expect(into(["exit", "then"])).toEqual([
      "-exit: {event: Gone}",
      "+exit: {event: Gone, then: [{id: w, wait: 1d}]}",
    ]);
  });

  it("are deleted with their notes, and leave an empty list where they were the last", () => {
    expect(edited({ edit: "delete", steps: [["steps", 0]] })).toEqual([
      "-  # Give them an hour.",
      "-  - {id: quiet, wait: 1h}   # not more",
      "-",
    ]);
    expect(edited({ edit: "delete", steps: [[...lane, 0]] })).toEqual([
      "-        then:",
      "-          - {id: lead, group: {add: [leads]}}",
      "+        then: []",
    ]);
  });

  it("leave comments that are about something else", () => {
    const text = `journey: j
# the zone
timezone: UTC
# about all

# about the name
name: J
steps:
  - id: a
    wait: 1h
    # inside a
  # loose

  # note of b
  - {id: b, wait: 1h}
  # end
goal: {event: B}
`;
    const gone = (edit: Edit) => changes(text, textAfter(text, edit));
    expect(gone({ edit: "delete", steps: [["steps", 1]] })).toEqual([
      "-",
      "-  # note of b",
      "-  - {id: b, wait: 1h}",
    ]);
    expect(gone({ edit: "delete", steps: [["steps", 0]] })).toEqual([
      "-  - id: a",
      "-    wait: 1h",
      "-    # inside a",
    ]);
    expect(gone({ edit: "unset", path: ["name"] })).toEqual(["-# about the name", "-name: J"]);
    expect(gone({ edit: "unset", path: ["timezone"] })).toEqual(["-# the zone", "-timezone: UTC"]);
  });

  it("are moved with their notes and comments, across lanes", () => {
    expect(
      edited({ edit: "move", steps: [["steps", 0]], target: { list: lane, index: 1 } }),
    ).toEqual([
      "-  # Give them an hour.",
      "-  - {id: quiet, wait: 1h}   # not more",
      "-",
      "+          # Give them an hour.",
      "+          - {id: quiet, wait: 1h}   # not more",
    ]);
    expect(
      edited({ edit: "move", steps: [[...lane, 0]], target: { list: otherwise, index: 0 } }),
    ).toEqual([
      "-        then:",
      "-          - {id: lead, group: {add: [leads]}}",
      "-      - else: [{id: code, coupon: {pool: cart10}}]",
      "+        then: []",
      "+      - else: [{id: lead, group: {add: [leads]}}, {id: code, coupon: {pool: cart10}}]",
    ]);
    const there = textAfter(START, {
      edit: "move",
      steps: [["steps", 1]],
      target: { list: lane, index: 0 },
    });
    const again = ["steps", 2, "branch", 0, "then", 0];
    const back = { list: ["steps"], index: 1 };
    expect(textAfter(there, { edit: "move", steps: [again], target: back })).toBe(
      // The blank line before the step went with its old place.
      START.replace("# not more\n\n", "# not more\n"),
    );
  });

  it("are not moved into themselves", () => {
    const target = { list: lane, index: 0 };
    expect(refused({ edit: "move", steps: [["steps", 3]], target })?.reason).toBe("into-itself");
  });

  it("are copied as text and pasted under new ids, with their references", () => {
    const file = openText(START);
    const text = copySteps(file, 0, [
      ["steps", 2],
      ["steps", 1],
    ]);
    expect(text.split("\n").slice(0, 3)).toEqual([
      "- id: reminder",
      "  email:",
      '    subject: "Your cart"   # short',
    ]);
    const pasted = edited({ edit: "paste", target: { list: ["steps"], index: 4 }, text });
    expect(pasted[0]).toBe("+  - id: reminder-2");
    expect(pasted.at(-1)).toBe(
      "+  - {id: clicked-2, wait: {message: reminder-2, is: clicked, up_to: 1d}}",
    );
    // What it says of a step that was not copied stays.
    expect(pasted).toContain("+        {{ steps.quiet.at }}");
  });

  it("are pasted from JSON, from a single step and from a whole journey", () => {
    const target = { list: ["steps"], index: 0 };
    const lines = (text: string) => edited({ edit: "paste", target, text });
    expect(lines('[{"id": "a", "wait": "1h"}]')).toEqual(['+  - {"id": "a", "wait": "1h"}']);
    expect(lines("id: a\nwait: 1h\n")).toEqual(["+  - id: a", "+    wait: 1h"]);
    expect(lines("topic: t\n---\njourney: j\nsteps:\n    - {id: a, wait: 1h}\n")).toEqual([
      "+  - {id: a, wait: 1h}",
    ]);
    expect(refused({ edit: "paste", target, text: "just words" })?.reason).toBe("no-steps");
    expect(refused({ edit: "paste", target, text: "- {id: a" })?.reason).toBe("no-steps");
  });

  it("are duplicated below themselves", () => {
    expect(edited({ edit: "duplicate", steps: [["steps", 2]] })).toEqual([
      "+  - {id: clicked-2, wait: {message: reminder, is: clicked, up_to: 1d}}",
    ]);
  });

  it("are wrapped in a branch, and unwrapped again", () => {
    const around: ValueMap = {
      id: "vip",
      branch: [{ name: "yes", if: { group: "vip" }, then: [] }, { else: [] }],
    };
    const wrapped = textAfter(START, {
      edit: "wrap",
      steps: [
        ["steps", 0],
        ["steps", 1],
      ],
      around,
    });
    expect(wrapped).toContain(`steps:
  - id: vip
    branch:
      - name: "yes"
        if: {group: vip}
        then:
          # Give them an hour.
          - {id: quiet, wait: 1h}   # not more

          - id: reminder
            email:
              subject: "Your cart"   # short
`);
    expect(
      textAfter(wrapped, { edit: "unwrap", step: ["steps", 0], way: "all" }).replace(/\n\n/g, "\n"),
    ).toBe(START.replace(/\n\n/g, "\n"));
    expect(
      refused({
        edit: "wrap",
        steps: [
          ["steps", 0],
          ["steps", 2],
        ],
        around,
      })?.reason,
    ).toBe("apart");
  });

  it("are renamed with all that refers to them", () => {
    expect(edited({ edit: "rename-step", step: ["steps", 2], id: "did-click" })).toEqual([
      "-  - {id: clicked, wait: {message: reminder, is: clicked, up_to: 1d}}",
      "-        if: {step: clicked, is: happened}",
      "+  - {id: did-click, wait: {message: reminder, is: clicked, up_to: 1d}}",
      "+        if: {step: did-click, is: happened}",
    ]);
    expect(edited({ edit: "rename-step", step: ["steps", 0], id: "1h" })).toContain(
      '+        {{ steps["1h"].at }}',
    );
    expect(refused({ edit: "rename-step", step: ["steps", 0], id: "lead" })).toEqual({
      reason: "taken",
      name: "lead",
    });
    expect(refused({ edit: "rename-step", step: ["steps", 0], id: " " })?.reason).toBe("bad-name");
  });

  it("are renamed in every kind of reference, and nowhere else", () => {
    const text = `journey: j
entry: {event: Message Clicked, where: {step: a, plan: a}}
goal: {message: a, is: clicked}
exit: [{message: a, is: replied, then: [{id: x, goto: a}]}]
steps:
  - {id: a, sms: {text: "a {{ a }} {{ steps.a.at }} {{ contact.steps.a }}", topic: a}}
  - {id: g, goto: a}
  - id: h
    webhook:
      url: 'https://a.example/{{ steps["a"].at }}?{{ "steps.a" }}'
      body: {x: {step: a, property: at}, y: {step: a}}
  - {id: w, wait: {until: {step: a, property: event.date, offset: -1d}}}
  - {id: u, update: {set: {x: {step: a, property: at}, step: a}}}
  - {id: e, emit: {event: Other, properties: {step: a}}}
  - {id: c, if: {all: [{step: a, is: sent}, {not: {message: a, is: opened}}]}, wait: 1h}
`;
    const made = textAfter(text, { edit: "rename-step", step: ["steps", 0], id: "b" });
    expect(made).toBe(`journey: j
entry: {event: Message Clicked, where: {step: b, plan: a}}
goal: {message: b, is: clicked}
exit: [{message: b, is: replied, then: [{id: x, goto: b}]}]
steps:
  - {id: b, sms: {text: "a {{ a }} {{ steps.b.at }} {{ contact.steps.a }}", topic: a}}
  - {id: g, goto: b}
  - id: h
    webhook:
      url: 'https://a.example/{{ steps["b"].at }}?{{ "steps.a" }}'
      body: {x: {step: b, property: at}, y: {step: a}}
  - {id: w, wait: {until: {step: b, property: event.date, offset: -1d}}}
  - {id: u, update: {set: {x: {step: b, property: at}, step: a}}}
  - {id: e, emit: {event: Other, properties: {step: a}}}
  - {id: c, if: {all: [{step: b, is: sent}, {not: {message: b, is: opened}}]}, wait: 1h}
`);
  });

  it("are renamed in the templates of their file as well", () => {
    const text = library("abandoned-cart-coupon");
    const file = openText(text);
    const place = findDocument(file, "journey", "abandoned-cart-coupon");
    const result = applyEdit(file, place, { edit: "rename-step", step: ["steps", 3], id: "gift" });
    if (!result.ok) throw new Error(result.refusal.reason);
    expect(result.text).not.toMatch(/steps\.code\b/);
    expect(result.text.split("steps.gift.code").length).toBe(text.split("steps.code.code").length);
  });

  it("are disabled, noted and enabled again byte for byte", () => {
    const disabled = textAfter(START, {
      edit: "disable",
      steps: [
        ["steps", 1],
        [...lane, 0],
      ],
    });
    expect(changes(START, disabled).filter((line) => line.startsWith("+"))).toEqual([
      "+  # - id: reminder",
      "+  #   email:",
      '+  #     subject: "Your cart"   # short',
      "+  #     text: |",
      "+  #       Hello,",
      "+  #       {{ steps.quiet.at }}",
      "+  #     topic: offers",
      "+        then: []",
      "+          # - {id: lead, group: {add: [leads]}}",
    ]);
    const inner = ["steps", 2, "branch", 0, "then"];
    const back = textAfter(
      disabled,
      { edit: "enable", step: { list: inner, disabled: 0 } },
      { edit: "enable", step: { list: ["steps"], disabled: 0 } },
    );
    expect(back).toBe(START);
  });

  it("have notes that are written, changed and taken away", () => {
    const note = (text: string): Edit => ({ edit: "note", step: ["steps", 2], text });
    expect(edited(note("One.\n\nTwo."))).toEqual(["+  # One.", "+  #", "+  # Two."]);
    expect(edited(note("One."), note("Two."))).toEqual(["+  # Two."]);
    expect(textAfter(START, note("One."), note(""))).toBe(START);
    expect(edited({ edit: "note", step: ["steps", 0], text: "" })).toEqual([
      "-  # Give them an hour.",
    ]);
    expect(edited({ edit: "note", step: [...otherwise, 0], text: "Why" })).toEqual([
      "-      - else: [{id: code, coupon: {pool: cart10}}]",
      "+      - else:",
      "+          # Why",
      "+          - {id: code, coupon: {pool: cart10}}",
    ]);
  });
});

describe("ways", () => {
  it("are added before the else, removed, renamed with their outcomes, and put in order", () => {
    const way = { name: "cold", if: { group: "cold" }, then: [] };
    const step = ["steps", 3];
    expect(edited({ edit: "add-way", step, way })).toEqual([
      "+      - name: cold",
      "+        if: {group: cold}",
      "+        then: []",
    ]);
    expect(edited({ edit: "remove-way", way: ["steps", 3, "branch", 1] })).toEqual([
      "-      - else: [{id: code, coupon: {pool: cart10}}]",
    ]);
    expect(refused({ edit: "remove-way", way: ["steps", 3, "branch", 0] })?.reason).toBe(
      "last-way",
    );
    expect(refused({ edit: "add-way", step, way: { ...way, name: "warm" } })?.reason).toBe("taken");
    expect(
      refused({ edit: "rename-way", way: ["steps", 3, "branch", 0], name: "else" })?.reason,
    ).toBe("bad-name");
    const asked = textAfter(
      START,
      {
        edit: "set",
        path: ["steps", 3, "branch", 1, "else", 0, "if"],
        value: { step: "interested", is_not: "warm" },
      },
      { edit: "rename-way", way: ["steps", 3, "branch", 0], name: "hot" },
    );
    expect(asked).toContain("      - name: hot\n");
    expect(asked).toContain(
      "{id: code, if: {step: interested, is_not: hot}, coupon: {pool: cart10}}",
    );
  });

  it("without a name keep the conditions that ask for them", () => {
    const text = `journey: j
entry: {api: true}
steps:
  - id: b
    branch:
      - {if: {group: a}, then: []}
      - {if: {group: b}, then: []}
      - {if: {group: c}, then: []}
  - {id: x, if: {step: b, in: ["1", "3"]}, wait: 1h}
`;
    expect(
      textAfter(text, { edit: "reorder", path: ["steps", 0, "branch", 2], index: 0 }),
    ).toContain('in: ["2", "1"]');
    expect(textAfter(text, { edit: "remove-way", way: ["steps", 0, "branch", 1] })).toContain(
      'in: ["1", "2"]',
    );
  });
});

describe("values", () => {
  it("are written in the place that the language gives them", () => {
    expect(edited({ edit: "set", path: ["timezone"], value: "Europe/Paris" })).toEqual([
      "+timezone: Europe/Paris",
    ]);
    expect(textAfter(START, { edit: "set", path: ["timezone"], value: "Europe/Paris" })).toContain(
      "name: 'A cart'\ntimezone: Europe/Paris\nentry:",
    );
    expect(
      textAfter(START, { edit: "set", path: ["defaults", "window", "days"], value: "mon-fri" }),
    ).toContain("  - {event: Order Completed}\ndefaults: {window: {days: mon-fri}}\nsteps:");
    expect(edited({ edit: "set", path: ["steps", 0, "if"], value: { group: "vip" } })).toEqual([
      "-  - {id: quiet, wait: 1h}   # not more",
      "+  - {id: quiet, if: {group: vip}, wait: 1h}   # not more",
    ]);
    expect(
      edited({ edit: "set", path: ["steps", 1, "email", "from"], value: "a@b.example" }),
    ).toEqual(["+      from: a@b.example"]);
  });

  it("keep their quotes, their comments and what stands around them", () => {
    expect(edited({ edit: "set", path: ["name"], value: "It's" })).toEqual([
      "-name: 'A cart'",
      "+name: 'It''s'",
    ]);
    expect(edited({ edit: "set", path: ["journey"], value: "basket" })).toEqual([
      "-journey: cart   # its key",
      "+journey: basket   # its key",
    ]);
    expect(edited({ edit: "set", path: ["steps", 1, "email", "subject"], value: 'A "b"' })).toEqual(
      ['-      subject: "Your cart"   # short', `+      subject: 'A "b"'   # short`],
    );
    expect(
      edited({ edit: "set", path: ["steps", 1, "email", "text"], value: "One\nTwo\n" }),
    ).toEqual([
      ...["-        Hello,", "-        {{ steps.quiet.at }}", "+        One", "+        Two"],
    ]);
  });

  it("are taken out, with what is left empty", () => {
    const window: Edit = { edit: "set", path: ["defaults", "window", "days"], value: "mon-fri" };
    expect(textAfter(START, window, { edit: "unset", path: ["defaults", "window", "days"] })).toBe(
      START,
    );
    expect(edited({ edit: "unset", path: ["exit", 0] })).toEqual([
      "-exit:",
      "-  - {event: Order Completed}",
    ]);
    expect(edited({ edit: "unset", path: ["steps", 1, "email", "topic"] })).toEqual([
      "-      topic: offers",
    ]);
  });

  it("make a list of a single trigger when a second one comes", () => {
    expect(
      edited({ edit: "add-item", list: ["entry"], index: 1, value: { event: "Visited" } }),
    ).toEqual([
      "-entry: {event: Cart Updated, key: cart_id}",
      "+entry: [{event: Cart Updated, key: cart_id}, {event: Visited}]",
    ]);
  });
});

describe("what cannot be done", () => {
  it("is refused with a reason, and nothing is half done", () => {
    const unreadable = "journey: j\nsteps: [\n";
    const edit: Edit = { edit: "delete", steps: [["steps", 0]] };
    expect(refused(edit, unreadable)?.reason).toBe("unreadable");
    expect(refused({ edit: "delete", steps: [["steps", 9]] })?.reason).toBe("missing");
    expect(refused({ edit: "unwrap", step: ["steps", 0], way: 0 })?.reason).toBe("not-for-this");
    const shared = "journey: j\nentry: &e {event: A}\nexit: *e\nsteps: []\n";
    expect(refused({ edit: "set", path: ["exit", "event"], value: "B" }, shared)?.reason).toBe(
      "shared",
    );
    const words = "journey: j\nsteps:\n  - {id: a, wait: 1h}\nexit: {event: E, then: words}\n";
    const target = { list: ["exit", "then"], index: 0 };
    for (const into of [
      { edit: "move", steps: [["steps", 0]], target },
      { edit: "insert", target, steps: [{ id: "x", wait: "1h" }] },
    ]) {
      expect(refused(into as Edit, words)?.reason).toBe("not-for-this");
    }
    const anchored = "journey: j\nsteps:\n  - {id: a, wait: &d 1h}\n  - {id: b, wait: *d}\n";
    expect(refused(edit, anchored)?.reason).toBe("as-text-only");
  });

  it("leaves a document of JSON one of JSON", () => {
    const json = '{"journey": "j", "entry": {"api": true}, "steps": [{"id": "a", "wait": "1h"}]}';
    const made = textAfter(
      json,
      {
        edit: "insert",
        target: { list: ["steps"], index: 1 },
        steps: [{ id: "b", sms: { text: "x\ny" } }],
      },
      { edit: "set", path: ["name"], value: "J" },
    );
    expect(JSON.parse(made)).toEqual({
      journey: "j",
      name: "J",
      entry: { api: true },
      steps: [
        { id: "a", wait: "1h" },
        { id: "b", sms: { text: "x\ny" } },
      ],
    });
    expect(refused({ edit: "note", step: ["steps", 0], text: "x" }, json)?.reason).toBe(
      "as-text-only",
    );
  });
});
