import { Audit } from "./Audit";

export const pages = Audit;
