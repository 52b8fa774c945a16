import { describe, expect, test } from "vitest";
import { readEvents, readValues } from "@/builder/trial/script";

describe("the script of a trial", () => {
  test("an event is a time, a name and its properties", () => {
    expect(
      readEvents("+0m Signed Up\n\n+1d2h Order Completed; total: 50; currency: EUR\n"),
    ).toEqual({
      ok: true,
      read: [
        { at: "+0m", event: "Signed Up", properties: {} },
        { at: "+1d2h", event: "Order Completed", properties: { total: 50, currency: "EUR" } },
      ],
    });
  });

  test.each([
    ["Signed Up", 1],
    ["+0m Signed Up\n+2x Order Completed", 2],
    ["+1h Order Completed; total 50", 1],
  ])("%j names its first wrong line", (text, line) => {
    expect(readEvents(text)).toEqual({ ok: false, wrong: { line } });
  });

  test("values keep their types, and a postcode its zeros", () => {
    expect(readValues("country: FR\nage: 42\nmember: true\npostcode: 01000")).toEqual({
      ok: true,
      read: { country: "FR", age: 42, member: true, postcode: "01000" },
    });
    expect(readValues("country FR")).toEqual({ ok: false, wrong: { line: 1 } });
  });
});
