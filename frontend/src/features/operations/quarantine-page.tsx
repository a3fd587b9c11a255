/** What was held back on its way from raw to canonical, by state, source and reason; the filters are in the address. */
import "@/i18n/later";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { EmptyState } from "@/components/state/empty-state";
import { QueryPanel } from "@/components/state/query-panel";
import { Bones } from "@/components/state/skeleton";
import { buttonClass } from "@/components/ui/button";
import { PageHeader } from "@/components/ui/page-header";
import { type QuarantineSearch, quarantineQuery } from "@/features/operations/api/quarantine";
import { QuarantineFilters } from "@/features/operations/components/quarantine-filters";
import { ReasonCounts } from "@/features/operations/components/reason-counts";
import { RejectPaging } from "@/features/operations/components/reject-paging";
import { RejectTable } from "@/features/operations/components/reject-table";

export function QuarantinePage({ search }: { search: QuarantineSearch }) {
  const { t } = useTranslation();
  const query = useQuery(quarantineQuery(search));
  return (
    <>
      <PageHeader title={t("quarantine.title")} subtitle={t("quarantine.subtitle")}>
        <Link to="/data-lake" className={buttonClass({ look: "ghost" })}>
          {t("lake.title")}
        </Link>
      </PageHeader>
      <QuarantineFilters search={search} />
      <QueryPanel query={query} skeleton={<Bones rows={8} className="h-8" />}>
        {({ items, counts, next_cursor }) => (
          <div className="flex flex-col gap-3">
            <ReasonCounts counts={counts} chosen={search.reason} />
            {items.length === 0 ? (
              <Nothing search={search} />
            ) : (
              <>
                <RejectTable items={items} />
                <RejectPaging page={search.page} rows={items.length} next={next_cursor} />
              </>
            )}
          </div>
        )}
      </QueryPanel>
    </>
  );
}

function Nothing({ search }: { search: QuarantineSearch }) {
  const { t } = useTranslation();
  const filtered = search.state !== "open" || search.source !== undefined || search.reason !== undefined;
  return (
    <div className="rounded-card border border-line bg-surface">
      <EmptyState
        title={t(filtered ? "quarantine.noMatch" : "quarantine.empty")}
        why={t(filtered ? "quarantine.noMatchWhy" : "quarantine.emptyWhy")}
        action={
          filtered && (
            <Link to="/data-lake/quarantine" className={buttonClass()}>
              {t("quarantine.clear")}
            </Link>
          )
        }
      />
    </div>
  );
}
