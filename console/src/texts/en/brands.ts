export const brands = {
  title: "Brands",
  open: "New brand",
  name: "Sender",
  example: "A brand",
  empty:
    "No brand yet. A brand is a sender as its readers know it: the look of the pages behind links, and the From of its mail. One that is called default is used where no other is named.",
} as const;
