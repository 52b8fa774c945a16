import { answerOf, api } from "@/api/client";
import type { Model } from "@/api/models";
import type { Scope } from "@/api/session";
import { texts } from "@/texts";
import { nameOf, PLACES, type Place, placesFor } from "./places";

/** A thing that the search found, and where it stands. */
export interface Found {
  name: string;
  kind: string;
  path: string;
}

const FEW = 6;

/** The places whose name holds the text. */
export function findPlaces(text: string, may: readonly string[]): Found[] {
  const wanted = text.trim().toLowerCase();
  return placesFor(may)
    .map((place) => ({ name: nameOf(place), kind: texts.shell.pages, path: place.path }))
    .filter((place) => place.name.toLowerCase().includes(wanted));
}

interface Action {
  id: keyof typeof texts.shell.actions;
  path: string;
  scope: Scope;
}

/** What is done at once and to all, with its dialog in the address. */
const ACTIONS: readonly Action[] = [
  { id: "pauseAll", path: "/health/freezes?do=pause", scope: "operate" },
  { id: "resumeAll", path: "/health/freezes?do=resume", scope: "operate" },
  { id: "freeze", path: "/health/freezes?do=freeze", scope: "operate" },
  { id: "suppress", path: "/suppressions?do=add", scope: "operate" },
];

/** The actions whose name, or another word for it, holds the text; none without a text. */
export function findActions(text: string, may: readonly string[]): Found[] {
  const wanted = text.trim().toLowerCase();
  return ACTIONS.flatMap(({ id, path, scope }) => {
    const { name, also } = texts.shell.actions[id];
    const holds = wanted !== "" && `${name} ${also}`.toLowerCase().includes(wanted);
    return holds && may.includes(scope) ? [{ name, kind: texts.shell.action, path }] : [];
  });
}

function isPlace(id: string): boolean {
  return PLACES.some((place) => place.id === id);
}

async function findJourneys(text: string): Promise<Found[]> {
  if (!isPlace("journeys")) {
    return [];
  }
  const { items } = await answerOf(api.GET("/v1/journeys", { params: { query: { limit: 500 } } }));
  return items
    .filter((journey) => journey.key.toLowerCase().includes(text.toLowerCase()))
    .slice(0, FEW)
    .map(({ key }) => ({
      name: key,
      kind: texts.shell.journeys,
      path: `/journeys/${encodeURIComponent(key)}`,
    }));
}

async function findContacts(text: string): Promise<Found[]> {
  if (!isPlace("contacts")) {
    return [];
  }
  const { items } = await answerOf(
    api.GET("/v1/contacts", { params: { query: { q: text, limit: FEW } } }),
  );
  return items.map((contact) => ({
    name: contact.email ?? contact.external_id ?? contact.id,
    kind: texts.shell.contacts,
    path: `/contacts/${encodeURIComponent(contact.external_id ?? contact.id)}`,
  }));
}

/** The beginning of an id, as long as the API asks for. */
const RUN = /^[0-9a-f][0-9a-f-]{3,35}$/i;

async function findRuns(text: string): Promise<Found[]> {
  if (!isPlace("runs") || !RUN.test(text)) {
    return [];
  }
  const { items } = await answerOf(
    api.GET("/v1/runs", { params: { query: { prefix: text, limit: FEW } } }),
  );
  return items.map((run) => ({
    name: `${run.journey} · ${run.contact} · ${run.id}`,
    kind: texts.shell.runs,
    path: `/runs/${run.id}`,
  }));
}

type ThingKind = Exclude<Model<"FoundBody">["kind"], "journey">;

/** The place of each kind of thing that has a name. */
const THINGS: Readonly<Record<ThingKind, Place["id"]>> = {
  brand: "brands",
  channel: "channels",
  form: "forms",
  group: "groups",
  holdout: "holdouts",
  places: "places",
  pool: "coupons",
  segment: "segments",
  template: "templates",
  test_recipients: "testRecipients",
  topic: "topics",
};

/** Templates, topics, pools and so on: those that have a place for this key. */
async function findThings(text: string, may: readonly string[]): Promise<Found[]> {
  const { items } = await answerOf(
    api.GET("/v1/documents/find", { params: { query: { q: text, limit: 4 * FEW } } }),
  );
  const places = placesFor(may);
  return items
    .flatMap(({ kind, key, name }) => {
      const place = kind === "journey" ? undefined : THINGS[kind];
      const shown = places.find(({ id }) => id === place);
      return shown === undefined
        ? []
        : [
            {
              name: name === null ? key : `${key} · ${name}`,
              kind: texts.shell.things[kind as ThingKind],
              path: `${shown.path}/${encodeURIComponent(key)}`,
            },
          ];
    })
    .slice(0, 2 * FEW);
}

/** The journeys, things, contacts and runs that the text names. */
export async function findObjects(text: string, may: readonly string[]): Promise<Found[]> {
  const found = await Promise.allSettled([
    findJourneys(text),
    findThings(text, may),
    ...(may.includes("read") ? [findContacts(text), findRuns(text)] : []),
  ]);
  const [first] = found;
  if (first?.status === "rejected" && found.every(({ status }) => status === "rejected")) {
    throw first.reason;
  }
  return found.flatMap((each) => (each.status === "fulfilled" ? each.value : []));
}
