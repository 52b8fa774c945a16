export const testRecipients = {
  title: "Test recipients",
  open: "New list",
  emails: "E-mail addresses",
  phones: "Phone numbers",
  line: "Once there is a list, tests go to its addresses alone, so that none can reach a customer by mistake.",
  empty: "No list yet: tests may go to any address. A list bounds them:",
  emptyExample: "{test_recipients: team, emails: [ada@example.com]}",
  from: "One e-mail address",
} as const;
