import type { Example } from "@/documents/NewDocument";
import { texts } from "@/texts";

const words = texts.forms.examples;

const CONTACT = (key: string) => `form: ${key}
title: Write to us
intro: We answer within a day.
button: Send
fields:
  - {name: email, label: Your e-mail address, type: email, required: true}
  - {name: first_name, label: Your first name}
  - {name: question, label: Your question, lines: 5, required: true, keep: event}
thanks:
  text: Thank you. We have it, and will write to you.
locales:
  fr:
    title: Écrivez-nous
    intro: Nous répondons en un jour.
    button: Envoyer
    fields:
      email: {label: Votre adresse e-mail}
      first_name: {label: Votre prénom}
      question: {label: Votre question}
    thanks:
      text: Merci. Nous l'avons, et nous vous écrirons.
`;

const LETTER = (key: string) => `form: ${key}
title: The letter
intro: Once a month, what is new.
button: Sign up
fields:
  - {name: email, label: Your e-mail address, type: email, required: true}
`;

/** What a form may begin with. */
export const EXAMPLES: readonly Example[] = [
  { id: "letter", name: words.letter, text: LETTER },
  { id: "contact", name: words.contact, text: CONTACT },
];
