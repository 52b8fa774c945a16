import { Keys } from "./Keys";

export const pages = Keys;
