import { texts } from "@/texts";
import {
  type EngineWords,
  inOneLine,
  kindName,
  ruleWords,
  stepWords,
  wayWords,
} from "./graph/cardWords";
import type { Chosen } from "./selecting";

const words = texts.builder;

/** What stands on a card, in one line. */
export function lineOf(chosen: Chosen, engine: EngineWords): string {
  switch (chosen.type) {
    case "entry": {
      const lines = chosen.rules.map(
        (rule, place) => engine.entries[place] ?? inOneLine(rule.value),
      );
      return `${words.entry}: ${lines.join("; ")}`;
    }
    case "rule": {
      const place = chosen.rule.path.at(-1);
      const said = ruleWords(chosen.rule, typeof place === "number" ? place : 0, engine);
      return `${words[chosen.rule.type]}: ${said}`;
    }
    case "way":
      return `${chosen.way.name}: ${wayWords(chosen.way, engine)}`;
    case "item": {
      const { item } = chosen;
      const title = [kindName(item.kind?.kind ?? null), item.id].filter(Boolean).join(" · ");
      const said = `${title}: ${stepWords(item, engine)}`;
      return item.type === "disabled" ? words.disabled(said) : said;
    }
  }
}
