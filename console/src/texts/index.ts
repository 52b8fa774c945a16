import { attention, pausing } from "./en/attention";
import { attributes } from "./en/attributes";
import { audit } from "./en/audit";
import { brands } from "./en/brands";
import { builder } from "./en/builder";
import { channels } from "./en/channels";
import { conditions } from "./en/conditions";
import { acting, contacts, erasures } from "./en/contacts";
import { coupons } from "./en/coupons";
import { documents } from "./en/documents";
import { entries } from "./en/entries";
import { experiments } from "./en/experiments";
import { fields } from "./en/fields";
import { files } from "./en/files";
import { forms } from "./en/forms";
import { groups } from "./en/groups";
import { health } from "./en/health";
import { holdouts } from "./en/holdouts";
import { imports } from "./en/imports";
import { jobs } from "./en/jobs";
import { journeys } from "./en/journeys";
import { keys } from "./en/keys";
import { log } from "./en/log";
import { moments } from "./en/moments";
import { parts } from "./en/parts";
import { places } from "./en/places";
import { publishing } from "./en/publishing";
import { runs } from "./en/runs";
import { segments } from "./en/segments";
import { shell } from "./en/shell";
import { signing } from "./en/signing";
import { starting } from "./en/starting";
import { suppressions } from "./en/suppressions";
import { templates } from "./en/templates";
import { testRecipients } from "./en/testRecipients";
import { today } from "./en/today";
import { topics } from "./en/topics";
import { trial } from "./en/trial";
import { upcoming } from "./en/upcoming";
import { views } from "./en/views";
import { visits } from "./en/visits";

const english = {
  acting,
  attention,
  attributes,
  audit,
  brands,
  builder,
  channels,
  conditions,
  contacts,
  coupons,
  documents,
  entries,
  erasures,
  experiments,
  fields,
  files,
  forms,
  groups,
  health,
  holdouts,
  imports,
  jobs,
  journeys,
  keys,
  log,
  moments,
  parts,
  pausing,
  places,
  publishing,
  runs,
  segments,
  shell,
  signing,
  starting,
  suppressions,
  templates,
  testRecipients,
  today,
  topics,
  trial,
  upcoming,
  views,
  visits,
} as const;

/** The words of the console. Another language has to have each of the English ones. */
export type Texts = typeof english;

export const texts: Texts = english;
