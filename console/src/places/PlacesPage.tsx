import { Group, NumberInput, Stack, Text } from "@mantine/core";
import { useState } from "react";
import { useFilter } from "@/components/filters";
import { DocumentPage } from "@/documents/DocumentPage";
import { useUses } from "@/documents/uses";
import { texts } from "@/texts";
import { Picture } from "./Picture";
import { PlaceFields } from "./PlaceFields";
import { placesIn } from "./placeList";

const words = texts.places;

/** The keys of a list that have fields of their own. */
const OWN = ["list"] as const;

/** A list of places: each in a row, all in a picture, with the distances that journeys ask for. */
export function PlacesPage({ places }: { places: string }) {
  const [chosen, setChosen] = useState<number | null>(null);
  return (
    <DocumentPage
      kind="places"
      document={places}
      without={OWN}
      fields={(edited) => <PlaceFields edited={edited} chosen={chosen} onChoose={setChosen} />}
      beside={({ history }) => (
        <Beside places={places} text={history.text} chosen={chosen} onChoose={setChosen} />
      )}
    />
  );
}

interface BesideProps {
  places: string;
  text: string;
  chosen: number | null;
  onChoose: (index: number) => void;
}

function Beside({ places, text, chosen, onChoose }: BesideProps) {
  const [typed, setTyped] = useFilter("km");
  const asked = [...new Set(useUses("places", places).data?.flatMap((use) => use.km))].sort(
    (one, other) => one - other,
  );
  const radius = typed === "" ? (asked.at(-1) ?? 0) : Number(typed);
  return (
    <Stack gap="sm">
      <Picture
        places={placesIn(text) ?? []}
        radius={Number.isFinite(radius) ? Math.max(radius, 0) : 0}
        chosen={chosen}
        onChoose={onChoose}
      />
      <Group gap="sm" align="end">
        <NumberInput
          size="xs"
          w={240}
          label={words.radius}
          min={0}
          max={20_040}
          decimalScale={3}
          value={typed === "" ? (asked.at(-1) ?? "") : Number(typed)}
          onChange={(value) => setTyped(String(value))}
        />
        {asked.length > 0 && (
          <Text size="sm" className="quiet">
            {words.usedAt(asked.join(", "))}
          </Text>
        )}
      </Group>
      <Text size="sm" className="quiet">
        {words.farther}
      </Text>
    </Stack>
  );
}
