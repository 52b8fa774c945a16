import { SuppressionList } from "./SuppressionList";

export const pages = SuppressionList;
