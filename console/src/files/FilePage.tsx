import { Button, Text } from "@mantine/core";
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { Redirect, Route, Switch, useLocation } from "wouter";
import { useMay } from "@/api/session";
import { BASE } from "@/app/base";
import { ConfirmPreview } from "@/components/ConfirmPreview";
import { FactList } from "@/components/FactList";
import { Instant } from "@/components/Instant";
import { LoadingLine } from "@/components/LoadingLine";
import { Page } from "@/components/Page";
import { PlaceTabs } from "@/components/PlaceTabs";
import { ProblemNotice } from "@/components/ProblemNotice";
import { UsedIn } from "@/documents/UsedIn";
import { useUses } from "@/documents/uses";
import { texts } from "@/texts";
import { FILES, removeFile, sizeInWords, useFiles } from "./file";

const words = texts.files;

const TABS = [
  { path: "/about", name: words.tabs.about },
  { path: "/uses", name: words.tabs.uses },
] as const;

/** One file: what it is, what attaches it, and its removal once nothing does. */
export function FilePage({ name }: { name: string }) {
  const mayEdit = useMay("edit");
  const queries = useQueryClient();
  const [, navigate] = useLocation();
  const [asked, setAsked] = useState(false);
  const files = useFiles();
  const uses = useUses("file", name);
  if (files.data === undefined) {
    return files.isError ? (
      <Page title={name}>
        <ProblemNotice error={files.error} retry={() => files.refetch()} />
      </Page>
    ) : (
      <LoadingLine />
    );
  }
  const found = files.data.find((each) => each.name === name);
  if (found === undefined) {
    return (
      <Page title={name}>
        <p>{texts.parts.notFound}</p>
      </Page>
    );
  }
  return (
    <Page
      title={name}
      line={
        <>
          {texts.documents.savedAt} <Instant at={found.updated_at} relative />
        </>
      }
      actions={
        mayEdit &&
        uses.data?.length === 0 && (
          <Button variant="default" onClick={() => setAsked(true)}>
            {words.remove}
          </Button>
        )
      }
    >
      <PlaceTabs label={name} tabs={TABS} />
      <Switch>
        <Route path="/about">
          <FactList
            facts={{
              [words.type]: found.content_type,
              [words.size]: sizeInWords(found.size),
              [words.sha256]: found.sha256,
            }}
          />
        </Route>
        <Route path="/uses">
          <UsedIn kind="file" document={name} />
        </Route>
        <Route path="/">
          <Redirect to="/about" replace />
        </Route>
      </Switch>
      {asked && (
        <ConfirmPreview
          title={words.removeTitle(name)}
          words={<Text>{words.removeWords}</Text>}
          confirm={words.removeButton}
          danger
          act={() => removeFile(name)}
          onClose={() => setAsked(false)}
          onDone={async () => {
            await queries.invalidateQueries({ queryKey: FILES });
            navigate(`~${BASE}/files`);
          }}
        />
      )}
    </Page>
  );
}
