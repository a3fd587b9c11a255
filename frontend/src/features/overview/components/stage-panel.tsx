/** Open pipeline by stage: a chart per currency, and its twin as one table. */
import { Link } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { StageChart } from "@/components/charts/stage-chart";
import { EmptyState } from "@/components/state/empty-state";
import { buttonClass } from "@/components/ui/button";
import { Panel } from "@/components/ui/panel";
import { Segmented } from "@/components/ui/segmented";
import type { Overview } from "@/features/overview/api/get-overview";
import { chartsByCurrency, withSource } from "@/features/overview/components/stage-series";
import { StageTable } from "@/features/overview/components/stage-table";

export const STAGE_VIEWS = ["chart", "table"] as const;
export type StageView = (typeof STAGE_VIEWS)[number];

interface StagePanelProps {
  stages: Overview["pipeline_by_stage"];
  view: StageView;
  onView: (view: StageView) => void;
}

export function StagePanel({ stages: given, view, onView }: StagePanelProps) {
  const { t } = useTranslation();
  const stages = withSource(given);
  const empty = stages.every((stage) => stage.count === 0);
  const charts = chartsByCurrency(stages);
  const table = view === "table" || charts.length === 0;
  return (
    <Panel
      title={t("overview.stages")}
      hint={t("overview.stagesHint")}
      flush={table}
      actions={
        <Segmented
          label={t("overview.view")}
          value={view}
          onChange={onView}
          options={STAGE_VIEWS.map((value) => ({ value, label: t(`overview.views.${value}`) }))}
        />
      }
    >
      {empty && (
        <EmptyState
          title={t("overview.stagesEmpty")}
          why={t("overview.stagesEmptyWhy")}
          action={
            <Link to="/data-lake" className={buttonClass()}>
              {t("overview.goSync")}
            </Link>
          }
        />
      )}
      {!empty && table && <StageTable stages={stages} />}
      {!empty && !table && <Charts charts={charts} />}
    </Panel>
  );
}

function Charts({ charts }: { charts: ReturnType<typeof chartsByCurrency> }) {
  const { t } = useTranslation();
  return (
    <div className="flex flex-col gap-5" data-testid="stage-charts">
      <ul className="flex gap-4 text-ink-2 text-xs" aria-hidden>
        <li className="flex items-center gap-1.5">
          <span className="size-2.5 rounded-xs bg-data-1-soft" />
          {t("overview.value")}
        </li>
        <li className="flex items-center gap-1.5">
          <span className="size-2.5 rounded-xs bg-data-1" />
          {t("overview.weightedShort")}
        </li>
      </ul>
      {charts.map((chart) => (
        <StageChart key={chart.currency} {...chart} />
      ))}
    </div>
  );
}
