import { builder } from "./en/builder";
import { contacts } from "./en/contacts";
import { fields } from "./en/fields";
import { journeys } from "./en/journeys";
import { parts } from "./en/parts";
import { shell } from "./en/shell";
import { signing } from "./en/signing";
import { today } from "./en/today";

const english = { builder, contacts, fields, journeys, parts, shell, signing, today } as const;

/** The words of the console. Another language has to have each of the English ones. */
export type Texts = typeof english;

export const texts: Texts = english;
