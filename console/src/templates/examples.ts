import type { Example } from "@/documents/NewDocument";
import { texts } from "@/texts";

const words = texts.templates.examples;

const EMAIL = (key: string) => `template: ${key}
subject: 'Welcome, {{ contact.first_name | default: "there" }}'
preheader: Three things to begin with
html: |
  <!doctype html>
  <html>
    <head>
      <style>
        body { margin: 0; font-family: sans-serif; color: #1a1d1e; background: #ffffff; }
        .page { max-width: 560px; margin: 0 auto; padding: 24px; }
        .button { padding: 12px 20px; color: #ffffff; background: #226a61; text-decoration: none; }
        .foot { margin-top: 32px; font-size: 12px; color: #5b6563; }
        @media (prefers-color-scheme: dark) {
          body { color: #e2e5e4 !important; background: #151818 !important; }
          .foot { color: #9aa5a3 !important; }
        }
      </style>
    </head>
    <body>
      <div class="page">
        <h1>Welcome, {{ contact.first_name | default: "there" }}</h1>
        <p>We are glad that you are here.</p>
        <p><a class="button" href="https://www.example.com/start">Begin</a></p>
        <p class="foot"><a href="{{ unsubscribe_url }}">Unsubscribe</a></p>
      </div>
    </body>
  </html>
locales:
  fr:
    subject: 'Bienvenue, {{ contact.first_name | default: "à vous" }}'
`;

const PLAIN = (key: string) => `template: ${key}
subject: 'A question, {{ contact.first_name | default: "if we may" }}'
text: |
  Hello {{ contact.first_name | default: "there" }},

  how do you like it so far? Just answer this mail.

  To hear no more from us: {{ unsubscribe_url }}
`;

const SMS = (key: string) => `template: ${key}
sms: '{{ contact.first_name | default: "Hello" }}, your order is on its way.'
`;

const LAYOUT = (key: string) => `template: ${key}
html: |
  <!doctype html>
  <html>
    <body style="margin: 0; font-family: sans-serif">
      <div style="max-width: 560px; margin: 0 auto; padding: 24px">
        {{ content }}
        <p style="font-size: 12px"><a href="{{ unsubscribe_url }}">Unsubscribe</a></p>
      </div>
    </body>
  </html>
`;

const EMPTY = (key: string) => `template: ${key}
subject: ''
html: ''
`;

/** What a template may begin with. */
export const EXAMPLES: readonly Example[] = [
  { id: "email", name: words.email, text: EMAIL },
  { id: "plain", name: words.plain, text: PLAIN },
  { id: "sms", name: words.sms, text: SMS },
  { id: "layout", name: words.layout, text: LAYOUT },
  { id: "empty", name: words.empty, text: EMPTY },
];
