import { useQuery } from "@tanstack/react-query";
import { answerOf, api } from "@/api/client";
import { useAttention } from "@/attention/attention";
import { helpPage } from "@/attention/help";
import { causesFirst, reasonOf, sentenceOf } from "@/attention/sentences";
import { Instant } from "@/components/Instant";
import { PlaceLink } from "@/components/PlaceLink";
import { Section } from "@/components/Section";
import { authorOf, useFreezes } from "@/health/useFreezes";
import { texts } from "@/texts";
import classes from "./Notices.module.css";

const words = texts.today;
const FEW = 5;

/** What holds mail back or needs a person now, the causes first, and what goes out next. */
export function Notices() {
  const found = useAttention("");
  const freezes = useFreezes();
  if (found.data === undefined) {
    return null;
  }
  const { items } = found.data;
  return (
    <Section title={words.now}>
      <ul className={classes.notices}>
        {items.length === 0 && (
          <li>
            <span className="state" data-state="good">
              {words.calm}
            </span>
          </li>
        )}
        {causesFirst(items)
          .slice(0, FEW)
          .map((item) => {
            const freeze = freezes.find(
              (each) =>
                item.kind === "frozen" &&
                each.channel === item.subject &&
                each.frozen_at === item.since,
            );
            const why =
              freeze === undefined
                ? reasonOf(item)
                : texts.attention.frozenBy(authorOf(freeze), freeze.reason);
            return (
              <li key={`${item.kind} ${item.subject} ${item.reason}`}>
                <span className="state" data-state={item.kind === "failed" ? "failed" : "deferred"}>
                  <PlaceLink to={`~${helpPage(item)?.path ?? "/attention"}`}>
                    {sentenceOf(item)}
                  </PlaceLink>
                </span>
                <span className="quiet">
                  {why !== null && item.kind !== "paused" && `${why} · `}
                  <Instant at={item.since} relative />
                </span>
              </li>
            );
          })}
        {items.length > 0 && (
          <li>
            <PlaceLink to="~/attention">{texts.attention.allOf(items.length)}</PlaceLink>
          </li>
        )}
        <li>
          <NextHour />
        </li>
      </ul>
    </Section>
  );
}

/** How many sends go out within the next hour, with the way to them. */
function NextHour() {
  const upcoming = useQuery({
    queryKey: ["upcoming", "1h"],
    queryFn: () => answerOf(api.GET("/v1/upcoming", { params: { query: { within: "1h" } } })),
    refetchInterval: 30_000,
  });
  if (upcoming.data === undefined) {
    return null;
  }
  const { total, exact } = upcoming.data;
  return (
    <PlaceLink to="~/upcoming?within=1h">
      {total === 0 ? words.nextNone : words.next(total, exact)}
    </PlaceLink>
  );
}
