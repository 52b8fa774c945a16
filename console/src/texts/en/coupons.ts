import { counted } from "../plural";

export const coupons = {
  title: "Coupons",
  find: "Find a pool",
  pool: "Pool",
  left: "Left",
  drawn: "Drawn",
  redeemed: "Redeemed",
  total: "Codes",
  used: "Used in",
  stock: "Stock",
  reasons: {
    exhausted: "no code is left",
    few_left: "few codes are left",
  } as Record<string, string>,
  empty: "No pool yet. A pool is a file of codes, each of which is drawn once:",
  emptyCommand: "parcours coupon import spring codes.csv",
  noneFound: "No pool is called that.",
  open: "New pool",
  tabs: { codes: "Codes", draws: "Draws", uses: "Used in" },
  low: (left: number) =>
    left === 0
      ? "No code is left: steps that draw from this pool end “exhausted”."
      : `Only ${counted(left, "code")} left.`,
  key: "Its name",
  keyHint: "Steps draw from it by this name.",
  keyLong: "A name has at most 200 characters.",
  keyTaken: "This pool is there already; the codes are added to it.",
  upload: "Add codes",
  file: "File of codes",
  fileHint: "CSV with a column “code”; other columns are ignored.",
  choose: "Choose a file",
  reading: "The file is read; nothing is added yet.",
  would: (added: number) => `${counted(added, "code")} would be added.`,
  duplicates: (count: number) =>
    count === 1
      ? "1 code is there already, or stands twice in the file."
      : `${counted(count, "code")} are there already, or stand twice in the file.`,
  refused: (count: number) =>
    count === 1
      ? "1 line has no good code and is left out."
      : `${counted(count, "line")} have no good code and are left out.`,
  refusedLines: "Lines that are left out",
  firstRefused: (count: number) => `The first ${count} are shown.`,
  line: "Line",
  why: "Why",
  add: (count: number) => `Add ${counted(count, "code")}`,
  added: (count: number) => `${counted(count, "code")} added.`,
  cannotAdd: "Your key may look at pools; adding codes needs the scope operate.",
  code: "Code",
  findCode: "Find a code",
  contact: "Contact",
  erased: "erased",
  journey: "Journey",
  run: "Run",
  drawnAt: "Drawn",
  redeemedAt: "Redeemed",
  noDraws: "No code was drawn yet.",
  noSuchCode: "This code was not drawn from the pool.",
} as const;
