import { Attention } from "./Attention";

export const pages = Attention;
