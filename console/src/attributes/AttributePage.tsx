import { Text } from "@mantine/core";
import { Redirect, Route, Switch } from "wouter";
import { CommandLine } from "@/components/CommandLine";
import { FigureLine } from "@/components/FigureLine";
import { figure, percent } from "@/components/figures";
import { LoadingLine } from "@/components/LoadingLine";
import { Page } from "@/components/Page";
import { PlaceTabs } from "@/components/PlaceTabs";
import { ProblemNotice } from "@/components/ProblemNotice";
import { Section } from "@/components/Section";
import { UsedIn } from "@/documents/UsedIn";
import { texts } from "@/texts";
import { Examples } from "./AttributeList";
import { type Attribute, type Catalogue, useCatalogue, written } from "./catalogue";

const words = texts.attributes;

const TABS = [
  { path: "/seen", name: words.tabs.seen },
  { path: "/uses", name: words.tabs.uses },
] as const;

/** One attribute: what was seen of it, how it is written, and where it is used. */
export function AttributePage({ name }: { name: string }) {
  const catalogue = useCatalogue();
  const { data } = catalogue;
  const found = data?.items.find((each) => each.name === name);
  return (
    <Page title={name} line={found?.field === true && words.fieldHint}>
      <PlaceTabs label={name} tabs={TABS} />
      <Switch>
        <Route path="/seen">
          {data === undefined ? (
            catalogue.isError ? (
              <ProblemNotice error={catalogue.error} retry={() => catalogue.refetch()} />
            ) : (
              <LoadingLine />
            )
          ) : found === undefined ? (
            <Text>{words.seenNowhere}</Text>
          ) : (
            <Seen attribute={found} catalogue={data} />
          )}
        </Route>
        <Route path="/uses">
          <UsedIn kind="attribute" document={name} />
        </Route>
        <Route path="/">
          <Redirect to="/seen" replace />
        </Route>
      </Switch>
    </Page>
  );
}

function Seen({ attribute, catalogue }: { attribute: Attribute; catalogue: Catalogue }) {
  const { contacts, examples, name, types } = attribute;
  const example = examples[0];
  return (
    <>
      <FigureLine
        figures={[
          { name: words.contacts, value: figure(contacts) },
          {
            name: words.share,
            value: percent(contacts, catalogue.contacts) ?? texts.parts.none,
          },
          {
            name: words.types,
            value: types.map((type) => words.typeNames[type] ?? type).join(", "),
          },
        ]}
      />
      {types.length > 1 && <Text mb="sm">{words.manyTypes}</Text>}
      <Section title={words.examples}>
        {example === undefined ? <Text>{words.noExample}</Text> : <Examples of={attribute} />}
      </Section>
      <Section title={words.condition}>
        <CommandLine
          command={
            example === undefined || typeof example === "object"
              ? `{attribute: ${name}, exists: true}`
              : `{attribute: ${name}, is: ${written(example)}}`
          }
        />
      </Section>
      <Section title={words.inText}>
        <CommandLine command={`{{ contact.${name} | default: "" }}`} />
      </Section>
    </>
  );
}
