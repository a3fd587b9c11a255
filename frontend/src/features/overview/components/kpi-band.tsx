/** The four headline figures, with what each leaves out said beside it. */
import { useTranslation } from "react-i18next";
import { Money, MoneyList } from "@/components/ui/money";
import type { Overview } from "@/features/overview/api/get-overview";
import { KpiTile } from "@/features/overview/components/kpi-tile";
import { WinRateTile } from "@/features/overview/components/win-rate-tile";
import { integer } from "@/lib/format";

export function KpiBand({ overview }: { overview: Overview }) {
  const { t } = useTranslation();
  const { open_pipeline: open, weighted_pipeline: weighted, won, lost, period } = overview;
  const noAmount = t("overview.noAmount");
  return (
    <div className="grid grid-cols-[minmax(0,1fr)] gap-px overflow-hidden rounded-card border border-line bg-line sm:grid-cols-2 xl:grid-cols-4">
      <KpiTile
        metric="open_pipeline"
        title={t("overview.openPipeline")}
        count={open.count}
        lines={[
          t("overview.openDeals", { count: open.count, n: integer(open.count) }),
          open.unvalued > 0 && t("overview.unvalued", { n: integer(open.unvalued) }),
          open.undated > 0 && t("overview.undated", { n: integer(open.undated) }),
        ]}
      >
        <MoneyList amounts={open.amounts} empty={noAmount} />
      </KpiTile>
      <KpiTile
        metric="weighted_pipeline"
        title={t("overview.weighted")}
        count={weighted.count}
        lines={[
          t("overview.weightedDeals", { count: weighted.count, n: integer(weighted.count) }),
          t("overview.weightedHint"),
        ]}
      >
        <MoneyList amounts={weighted.amounts} empty={noAmount} />
      </KpiTile>
      <KpiTile
        metric="won"
        title={t("overview.wonIn", { period: period.label })}
        count={won.count}
        lines={[
          t("overview.wonDeals", { count: won.count, n: integer(won.count) }),
          won.unvalued > 0 && t("overview.unvalued", { n: integer(won.unvalued) }),
          <LostLine key="lost" lost={lost} />,
        ]}
      >
        <MoneyList amounts={won.amounts} empty={noAmount} />
      </KpiTile>
      <WinRateTile winRate={overview.win_rate} period={period.label} />
    </div>
  );
}

function LostLine({ lost }: { lost: Overview["lost"] }) {
  const { t } = useTranslation();
  return (
    <span data-metric="lost" data-count={lost.count} className="inline-flex flex-wrap gap-x-2">
      {t("overview.lostDeals", { count: lost.count, n: integer(lost.count) })}
      {lost.amounts.map((amount) => (
        <Money key={amount.currency} amount={amount} style="whole" />
      ))}
    </span>
  );
}
