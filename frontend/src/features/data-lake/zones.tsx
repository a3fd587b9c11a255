/** The three zones, left to right as the data flows, with what waits between them. */
import "@/i18n/later";
import { useQuery } from "@tanstack/react-query";
import { ArrowRight } from "lucide-react";
import { useTranslation } from "react-i18next";
import { Freshness } from "@/components/state/freshness";
import { QueryPanel } from "@/components/state/query-panel";
import { Bones } from "@/components/state/skeleton";
import { type LakeStats, lakeStatsQuery, servingLag, sum } from "@/features/data-lake/api/get-lake";
import { CanonicalZone } from "@/features/data-lake/components/canonical-zone";
import { RawZone } from "@/features/data-lake/components/raw-zone";
import { ServingZone } from "@/features/data-lake/components/serving-zone";
import { cn } from "@/lib/cn";
import { integer } from "@/lib/format";

export function Zones() {
  const { t } = useTranslation();
  const query = useQuery(lakeStatsQuery);
  return (
    <section aria-label={t("lake.zones")}>
      <QueryPanel query={query} skeleton={<Bones rows={3} className="h-20" />}>
        {(stats) => (
          <div className="flex flex-col gap-4">
            <Freshness meta={stats.meta} />
            <Flow stats={stats} />
          </div>
        )}
      </QueryPanel>
    </section>
  );
}

function Flow({ stats }: { stats: LakeStats }) {
  const { t } = useTranslation();
  const raw = t("lake.raw");
  const canonical = t("lake.canonical");
  const serving = t("lake.serving");
  return (
    <div className="grid grid-cols-[minmax(0,1fr)] items-stretch gap-2 xl:grid-cols-[minmax(0,1fr)_auto_minmax(0,1fr)_auto_minmax(0,1fr)]">
      <RawZone zones={stats.raw} />
      <Lag
        pending={stats.raw && sum(stats.raw.map((zone) => zone.pending))}
        label={t("lake.pendingLabel", { from: raw, to: canonical })}
        metric="pending_canonical"
      />
      <CanonicalZone zone={stats.canonical} />
      <Lag
        pending={servingLag(stats)}
        label={t("lake.pendingLabel", { from: canonical, to: serving })}
        metric="pending_serving"
      />
      <ServingZone projections={stats.serving} />
    </div>
  );
}

/** What waits between two zones; only the way, for readers who are not told. */
function Lag({
  pending,
  label,
  metric,
}: {
  pending: number | null | undefined;
  label: string;
  metric: string;
}) {
  const { t } = useTranslation();
  if (pending == null) {
    return <ArrowRight aria-hidden className="size-4 rotate-90 self-center text-ink-3 xl:rotate-0" />;
  }
  return (
    <p
      data-metric={metric}
      data-count={pending}
      className={cn(
        "num flex items-center justify-center gap-1.5 self-center whitespace-nowrap text-xs xl:w-20 xl:flex-col",
        pending > 0 ? "font-medium text-busy" : "text-ink-3",
      )}
    >
      <span className="sr-only">{label}: </span>
      <ArrowRight aria-hidden className="size-4 rotate-90 xl:rotate-0" />
      {pending > 0 ? t("lake.pending", { n: integer(pending) }) : t("lake.caughtUp")}
    </p>
  );
}
