import { Today } from "./Today";

export const pages = Today;
