import { attention, pausing } from "./en/attention";
import { audit } from "./en/audit";
import { builder } from "./en/builder";
import { contacts } from "./en/contacts";
import { experiments } from "./en/experiments";
import { fields } from "./en/fields";
import { health } from "./en/health";
import { jobs } from "./en/jobs";
import { journeys } from "./en/journeys";
import { keys } from "./en/keys";
import { log } from "./en/log";
import { parts } from "./en/parts";
import { publishing } from "./en/publishing";
import { runs } from "./en/runs";
import { segments } from "./en/segments";
import { shell } from "./en/shell";
import { signing } from "./en/signing";
import { starting } from "./en/starting";
import { today } from "./en/today";
import { trial } from "./en/trial";
import { upcoming } from "./en/upcoming";
import { views } from "./en/views";
import { visits } from "./en/visits";

const english = {
  attention,
  audit,
  builder,
  contacts,
  experiments,
  fields,
  health,
  jobs,
  journeys,
  keys,
  log,
  parts,
  pausing,
  publishing,
  runs,
  segments,
  shell,
  signing,
  starting,
  today,
  trial,
  upcoming,
  views,
  visits,
} as const;

/** The words of the console. Another language has to have each of the English ones. */
export type Texts = typeof english;

export const texts: Texts = english;
