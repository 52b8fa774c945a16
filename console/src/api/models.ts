import type { components } from "./schema";

type Schemas = components["schemas"];

/** A body of the API, by the name that its description gives it. */
export type Model<Name extends keyof Schemas> = Schemas[Name];
