export const brands = {
  title: "Brands",
  open: "New brand",
  name: "Sender",
  example: "A brand",
  mailFrom: "Mail comes from",
  answersTo: "Answers go to",
  usualSender: "the sender of the installation: the brand has no From",
  pageHint: "The page on which readers unsubscribe; the other pages behind links look alike.",
  frame: "The page on which readers unsubscribe",
  empty:
    "No brand yet. A brand is a sender as its readers know it: the look of the pages behind links, and the From of its mail. One that is called default is used where no other is named.",
} as const;
