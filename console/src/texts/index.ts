import { attention, pausing } from "./en/attention";
import { audit } from "./en/audit";
import { builder } from "./en/builder";
import { acting, contacts, erasures } from "./en/contacts";
import { fields } from "./en/fields";
import { health } from "./en/health";
import { imports } from "./en/imports";
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
import { visits } from "./en/visits";

const english = {
  acting,
  attention,
  audit,
  builder,
  contacts,
  erasures,
  fields,
  health,
  imports,
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
  visits,
} as const;

/** The words of the console. Another language has to have each of the English ones. */
export type Texts = typeof english;

export const texts: Texts = english;
