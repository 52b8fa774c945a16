/** The path below which the console stands. */
export const BASE = "/console";
