import { useQuery } from "@tanstack/react-query";
import { answerOf, api } from "@/api/client";
import { PlaceLink } from "@/components/PlaceLink";
import { texts } from "@/texts";

const words = texts.contacts;

/** The freezes that hold for all contacts now, with the way to them. */
export function RunningFreezes() {
  const freezes = useQuery({
    queryKey: ["freezes", "holding"],
    queryFn: () => answerOf(api.GET("/v1/freezes", { params: { query: { limit: 50 } } })),
    select: ({ items }) => items.filter((each) => each.ended_at === null),
    staleTime: 10_000,
  });
  return freezes.data?.map((each) => (
    <PlaceLink key={each.id} to="~/health/freezes">
      {words.frozenFor(each.channel, each.stops)}
    </PlaceLink>
  ));
}
