import { Button, Menu } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { answerOf, api } from "@/api/client";
import { useFilter } from "@/components/filters";
import { texts } from "@/texts";
import { TYPES, typesOf } from "./items";

const words = texts.log;

/** Which kinds of items are shown; none chosen means all. */
export function TypeChoice() {
  const [named, setNamed] = useFilter("types");
  const chosen = typesOf(named);
  const known = useQuery({
    queryKey: ["log", "types"],
    queryFn: () => answerOf(api.GET("/v1/log/types")),
    staleTime: Number.POSITIVE_INFINITY,
  });
  const described = new Map(known.data?.items.map(({ type, words: text }) => [type, text]));
  return (
    <Menu closeOnItemClick={false} position="bottom-end">
      <Menu.Target>
        <Button variant="default">
          {chosen.length === 0 ? words.types : words.typesChosen(chosen.length)}
        </Button>
      </Menu.Target>
      <Menu.Dropdown mah="60vh" className="scrolls">
        {TYPES.map((type) => {
          const ticked = chosen.includes(type);
          return (
            <Menu.CheckboxItem
              key={type}
              checked={ticked}
              onChange={() => {
                const next = TYPES.filter((each) =>
                  each === type ? !ticked : chosen.includes(each),
                );
                setNamed(next.length === 0 ? null : next.join(","));
              }}
            >
              {described.get(type) ?? words.typeNames[type] ?? type}
            </Menu.CheckboxItem>
          );
        })}
      </Menu.Dropdown>
    </Menu>
  );
}
