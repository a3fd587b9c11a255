/** Who did what, whether the chain of it is whole, and files of it. What is asked for stands in the address. */
import "@/i18n/later";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { QueryPanel } from "@/components/state/query-panel";
import { Bones } from "@/components/state/skeleton";
import { buttonClass } from "@/components/ui/button";
import { PageHeader } from "@/components/ui/page-header";
import { Panel } from "@/components/ui/panel";
import { type AuditSearch, auditQuery, exportAddress } from "@/features/audit/api/audit";
import { AuditFilters } from "@/features/audit/components/audit-filters";
import { ChainState } from "@/features/audit/components/chain-state";
import { EntryTable } from "@/features/audit/components/entry-table";
import { dateTime } from "@/lib/format";

export function AuditPage({ search }: { search: AuditSearch }) {
  const { t } = useTranslation();
  const query = useQuery(auditQuery(search));
  const { before, ...asked } = search;
  return (
    <>
      <PageHeader title={t("audit.title")} subtitle={t("audit.subtitle")}>
        <a className={buttonClass()} href={exportAddress(search, "csv")} download>
          {t("audit.csv")}
        </a>
        <a className={buttonClass()} href={exportAddress(search, "jsonl")} download>
          {t("audit.jsonl")}
        </a>
      </PageHeader>
      <ChainState />
      <AuditFilters search={search} />
      <Panel title={t("audit.entries")} flush>
        <QueryPanel query={query} skeleton={<Bones rows={8} className="mx-4 my-3" />}>
          {({ entries }) => <EntryTable entries={entries} search={asked} />}
        </QueryPanel>
      </Panel>
      <div className="flex flex-wrap items-center justify-end gap-2">
        {query.data?.next && query.data.searched_to && (
          <p className="text-[0.8125rem] text-ink-2">
            {t("audit.searchedTo", { at: dateTime(query.data.searched_to) })}
          </p>
        )}
        {before && (
          <Link to="/audit" search={asked} className={buttonClass()}>
            {t("audit.newest")}
          </Link>
        )}
        {query.data?.next && (
          <Link to="/audit" search={{ ...asked, before: query.data.next }} className={buttonClass()}>
            {t("audit.older")}
          </Link>
        )}
      </div>
    </>
  );
}
