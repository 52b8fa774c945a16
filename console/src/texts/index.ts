import { attention, pausing } from "./en/attention";
import { builder } from "./en/builder";
import { contacts } from "./en/contacts";
import { fields } from "./en/fields";
import { jobs } from "./en/jobs";
import { journeys } from "./en/journeys";
import { parts } from "./en/parts";
import { runs } from "./en/runs";
import { shell } from "./en/shell";
import { signing } from "./en/signing";
import { today } from "./en/today";
import { visits } from "./en/visits";

const english = {
  attention,
  builder,
  contacts,
  fields,
  jobs,
  journeys,
  parts,
  pausing,
  runs,
  shell,
  signing,
  today,
  visits,
} as const;

/** The words of the console. Another language has to have each of the English ones. */
export type Texts = typeof english;

export const texts: Texts = english;
