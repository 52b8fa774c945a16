import { answerOf, api } from "@/api/client";
import { JOBS, type Job } from "@/api/jobs";
import { useMay } from "@/api/session";
import { FilterBar } from "@/components/FilterBar";
import { useFilters } from "@/components/filters";
import { LinkButton } from "@/components/LinkButton";
import { Listing, useListing } from "@/components/Listing";
import { Page } from "@/components/Page";
import { JOB_COLUMNS } from "@/jobs/JobList";
import { texts } from "@/texts";

const words = texts.imports;
const FILTERS = ["kind"] as const;
const REFRESH = 2_000;

type Kind = keyof typeof words.kinds;

function isKind(text: string): text is Kind {
  return text in words.kinds;
}

/** The jobs that bring contacts in and out, and the ways to begin one. */
export function ImportList() {
  const mayExport = useMay("admin");
  const { kind } = useFilters(FILTERS);
  const wanted: Kind = isKind(kind) ? kind : "import";
  const jobs = useListing<Job>(
    [JOBS, "list", wanted],
    (cursor) =>
      answerOf(
        api.GET("/v1/jobs", {
          params: { query: { kind: wanted, ...(cursor === undefined ? {} : { cursor }) } },
        }),
      ),
    REFRESH,
  );
  return (
    <Page
      title={words.title}
      actions={
        <>
          <LinkButton to="/enter">{words.enterMany}</LinkButton>
          {mayExport && <LinkButton to="/export">{words.exportContacts}</LinkButton>}
          <LinkButton to="/new" filled>
            {words.importFile}
          </LinkButton>
        </>
      }
    >
      <FilterBar
        filters={[
          {
            name: "kind",
            label: words.kind,
            none: words.kinds.import,
            options: Object.entries(words.kinds).filter(([each]) => each !== "import"),
            width: 208,
          },
        ]}
      />
      <Listing
        label={words.title}
        query={jobs}
        columns={JOB_COLUMNS}
        rowKey={(job) => job.id}
        empty={words.empty[wanted]}
      />
    </Page>
  );
}
