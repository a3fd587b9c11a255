import { createFileRoute, Link } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { buttonClass } from "@/components/ui/button";
import { PageHeader } from "@/components/ui/page-header";
import { lakeStatsQuery } from "@/features/data-lake/api/get-lake";
import { Health } from "@/features/data-lake/health";
import { Zones } from "@/features/data-lake/zones";
import { EpochsPanel } from "@/features/operations/epochs-panel";
import { HistoryPanel, SourcesPanel } from "@/features/sources/sources-panel";
import { useCan } from "@/lib/access";

export const Route = createFileRoute("/_app/data-lake/")({
  loader: ({ context }) => {
    void context.queryClient.prefetchQuery(lakeStatsQuery);
  },
  component: DataLakeRoute,
});

function DataLakeRoute() {
  const { t } = useTranslation();
  const canSeeSyncs = useCan("sync:read");
  const canOperate = useCan("ops:read");
  return (
    <>
      <PageHeader title={t("lake.title")} subtitle={t("lake.subtitle")}>
        {canOperate && (
          <Link to="/data-lake/generations" className={buttonClass()}>
            {t("generations.open")}
          </Link>
        )}
        {canOperate && (
          <Link to="/data-lake/quarantine" className={buttonClass()}>
            {t("quarantine.open")}
          </Link>
        )}
        <Link to="/data-lake/entities" className={buttonClass()}>
          {t("entities.all")}
        </Link>
      </PageHeader>
      <Zones />
      {canSeeSyncs && <SourcesPanel />}
      {canSeeSyncs && <HistoryPanel />}
      {canOperate && <EpochsPanel />}
      <Health />
    </>
  );
}
