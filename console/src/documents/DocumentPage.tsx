import { Group } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { Redirect, Route, Switch } from "wouter";
import { type PlainDocument, type PlainKind, readDocument } from "@/api/documents";
import { useMay } from "@/api/session";
import { Instant } from "@/components/Instant";
import { LoadingLine } from "@/components/LoadingLine";
import { Page } from "@/components/Page";
import { PlaceTabs } from "@/components/PlaceTabs";
import { ProblemNotice } from "@/components/ProblemNotice";
import { texts } from "@/texts";
import { DocumentEditor, type DocumentEditorProps } from "./DocumentEditor";
import { DocumentVersions } from "./DocumentVersions";
import { NO_DRAFT, useOpenedDraft } from "./openedDraft";
import { UsedIn } from "./UsedIn";

const words = texts.documents;

/** A tab of a document's page that only its kind has. */
export interface OwnTab {
  path: string;
  name: string;
  content: ReactNode;
}

interface DocumentPageProps extends Pick<DocumentEditorProps, "fields" | "without" | "beside"> {
  kind: PlainKind;
  /** The key of the document. */
  document: string;
  /** What it is called, if not by its key. */
  title?: string;
  /** Tabs of this kind alone, such as the members of a segment; they come after the editor. */
  tabs?: readonly OwnTab[];
  /** What is said of the document under its key. */
  line?: ReactNode;
  actions?: ReactNode;
}

/** A document that is no journey: its editor, its versions, and what it is used in. */
export function DocumentPage(props: DocumentPageProps) {
  const { kind, document, title = document, tabs = [], line, actions } = props;
  const mayRead = useMay("read");
  const mayEdit = useMay("edit");
  const found = useQuery({
    queryKey: ["document", kind, document],
    queryFn: () => readDocument(kind, document),
    staleTime: 10_000,
  });
  const opened = useOpenedDraft(kind, document, mayEdit);
  const live = found.data;
  if (live === undefined || (mayEdit && opened.opened === undefined)) {
    const error = found.error ?? opened.error;
    return error === null ? (
      <LoadingLine />
    ) : (
      <Page title={title}>
        <ProblemNotice
          error={error}
          retry={() => (found.error === null ? opened.retry() : void found.refetch())}
        />
      </Page>
    );
  }
  const { draft, left } = opened.opened ?? NO_DRAFT;
  if (live === null && draft === null && left === null) {
    return (
      <Page title={title}>
        <p>{texts.parts.notFound}</p>
      </Page>
    );
  }
  const editor = (
    <DocumentEditor
      key={document}
      kind={kind}
      document={document}
      live={live}
      opened={opened.opened ?? NO_DRAFT}
      newest={opened.newest}
      others={opened.others.map((each) => each.name)}
      readOnly={!mayEdit}
      {...(props.fields === undefined ? {} : { fields: props.fields })}
      {...(props.without === undefined ? {} : { without: props.without })}
      {...(props.beside === undefined ? {} : { beside: props.beside })}
    />
  );
  if (live === null) {
    return (
      <Page title={title} line={words.neverSaved}>
        {editor}
      </Page>
    );
  }
  const shown = mayRead ? tabs : [];
  return (
    <Page title={title} line={<DocumentLine live={live} line={line} />} actions={actions}>
      <PlaceTabs
        label={title}
        tabs={[
          { path: "/edit", name: mayEdit ? words.tabs.edit : words.tabs.read },
          ...shown,
          { path: "/versions", name: words.tabs.versions },
          { path: "/uses", name: words.tabs.uses },
        ]}
      />
      <Switch>
        <Route path="/edit">{editor}</Route>
        {shown.map((tab) => (
          <Route key={tab.path} path={tab.path}>
            {tab.content}
          </Route>
        ))}
        <Route path="/versions">
          <DocumentVersions kind={kind} document={document} />
        </Route>
        <Route path="/uses">
          <UsedIn kind={kind} document={document} />
        </Route>
        <Route path="/">
          <Redirect to="/edit" replace />
        </Route>
      </Switch>
    </Page>
  );
}

function DocumentLine({ live, line }: { live: PlainDocument; line: ReactNode }) {
  return (
    <Group gap="md">
      <span>{texts.journeys.version(live.version)}</span>
      <span>
        {words.savedAt} <Instant at={live.updated_at} relative />
      </span>
      {line}
    </Group>
  );
}
