import { Upcoming } from "./Upcoming";

export const pages = Upcoming;
