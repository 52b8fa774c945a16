export const signing = {
  title: "Sign in",
  key: "Key",
  keyHint: "A key of scope read, edit, operate or admin.",
  howTo: "An administrator makes one with",
  submit: "Sign in",
  ended: "Your session has ended. Sign in again; what you have typed is kept.",
} as const;
