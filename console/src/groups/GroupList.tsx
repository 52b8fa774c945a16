import { useQuery } from "@tanstack/react-query";
import { answerOf, api } from "@/api/client";
import type { Model } from "@/api/models";
import { everyPage } from "@/api/pages";
import { CommandLine } from "@/components/CommandLine";
import { type Column, DataTable } from "@/components/DataTable";
import { FindField, useFound } from "@/components/FindField";
import { figure } from "@/components/figures";
import { LoadingLine } from "@/components/LoadingLine";
import { Page } from "@/components/Page";
import { PlaceLink } from "@/components/PlaceLink";
import { ProblemNotice } from "@/components/ProblemNotice";
import { usedLink } from "@/documents/UsedLink";
import { useUsedWords } from "@/documents/usedWords";
import { texts } from "@/texts";

const words = texts.groups;

type Group = Model<"api__contacts__groups__GroupBody">;

/** All groups that have members. */
export function GroupList() {
  const groups = useQuery({
    queryKey: ["groups"],
    queryFn: () =>
      everyPage<Group>((after) =>
        answerOf(api.GET("/v1/groups", { params: { query: { limit: 500, ...after } } })),
      ),
    refetchInterval: 30_000,
  });
  const used = useUsedWords("group");
  const shown = useFound(groups.data, (row) => row.key);
  const columns: readonly Column<Group>[] = [
    {
      key: "group",
      title: words.group,
      cell: (row) => <PlaceLink to={`/${encodeURIComponent(row.key)}`}>{row.key}</PlaceLink>,
    },
    { key: "used", title: words.used, cell: (row) => usedLink(row.key, used(row.key)) },
    { key: "members", title: words.members, number: true, cell: (row) => figure(row.members) },
  ];
  return (
    <Page title={words.title} actions={<FindField label={words.find} />}>
      {groups.isError && <ProblemNotice error={groups.error} retry={() => groups.refetch()} />}
      {groups.data === undefined ? (
        !groups.isError && <LoadingLine />
      ) : (
        <DataTable
          label={words.title}
          columns={columns}
          rows={shown}
          rowKey={(row) => row.key}
          empty={
            groups.data.length > 0 ? (
              words.noneFound
            ) : (
              <>
                {words.empty} <CommandLine command={words.emptyExample} />
              </>
            )
          }
        />
      )}
    </Page>
  );
}
