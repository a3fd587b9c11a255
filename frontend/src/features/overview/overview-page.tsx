/** The overview: what is open, what was won, how likely the rest is, and how fresh all of it is. */
import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { Freshness } from "@/components/state/freshness";
import { QueryPanel } from "@/components/state/query-panel";
import { PageHeader } from "@/components/ui/page-header";
import { overviewQuery } from "@/features/overview/api/get-overview";
import { ActivityFeed } from "@/features/overview/components/activity-feed";
import { KpiBand } from "@/features/overview/components/kpi-band";
import { OverviewSkeleton } from "@/features/overview/components/overview-skeleton";
import { PeriodPicker } from "@/features/overview/components/period-picker";
import { ScopeLabel } from "@/features/overview/components/scope-label";
import { StagePanel, type StageView } from "@/features/overview/components/stage-panel";

export interface OverviewSearch {
  period?: string | undefined;
  view: StageView;
}

interface OverviewPageProps {
  search: OverviewSearch;
  onSearch: (change: Partial<OverviewSearch>) => void;
}

export function OverviewPage({ search, onSearch }: OverviewPageProps) {
  const { t } = useTranslation();
  const query = useQuery(overviewQuery(search.period));
  const shown = query.data;
  return (
    <>
      <PageHeader title={t("overview.title")} subtitle={shown && <ScopeLabel scope={shown.scope} />}>
        <PeriodPicker
          chosen={search.period}
          shown={shown?.period}
          onChoose={(period) => onSearch({ period })}
        />
      </PageHeader>
      <QueryPanel query={query} skeleton={<OverviewSkeleton />}>
        {(overview) => (
          <div className="flex flex-col gap-4">
            <Freshness meta={overview.meta} />
            <KpiBand overview={overview} />
            <div className="grid grid-cols-[minmax(0,1fr)] items-start gap-4 xl:grid-cols-[minmax(0,1fr)_23rem]">
              <StagePanel
                stages={overview.pipeline_by_stage}
                view={search.view}
                onView={(view) => onSearch({ view })}
              />
              <ActivityFeed items={overview.activity} />
            </div>
          </div>
        )}
      </QueryPanel>
    </>
  );
}
