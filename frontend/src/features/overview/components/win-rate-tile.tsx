/** The win rate with its Wilson interval: two deals of three is not "67 %", and the picture says so. */
import { useTranslation } from "react-i18next";
import type { Overview } from "@/features/overview/api/get-overview";
import { KpiTile } from "@/features/overview/components/kpi-tile";
import { integer, NO_VALUE, percent } from "@/lib/format";

type WinRate = Overview["win_rate"];

export function WinRateTile({ winRate, period }: { winRate: WinRate; period: string }) {
  const { t } = useTranslation();
  const { rate, low, high, won, lost, reason } = winRate;
  const n = integer(won + lost);
  const of = t("overview.winRateOf", { won: integer(won), n });
  const known = rate != null && low != null && high != null;
  const interval = known && t("overview.interval", { low: percent(low), high: percent(high) });
  return (
    <KpiTile
      metric="win_rate"
      title={t("overview.winRate", { period })}
      count={won + lost}
      lines={known ? [of, interval] : [reason ?? of]}
    >
      <p className="num font-semibold text-[1.625rem] leading-8 tracking-tight" data-rate={rate ?? "null"}>
        {rate == null ? NO_VALUE : percent(rate)}
      </p>
      {known && (
        <IntervalBar
          rate={rate}
          low={low}
          high={high}
          label={t("overview.intervalLabel", { low: percent(low), high: percent(high), n })}
        />
      )}
    </KpiTile>
  );
}

function IntervalBar({ rate, low, high, label }: { rate: number; low: number; high: number; label: string }) {
  return (
    <svg
      role="img"
      aria-label={label}
      viewBox="0 0 100 8"
      preserveAspectRatio="none"
      className="mt-2 h-2 w-full max-w-56"
    >
      <rect x="0" y="3" width="100" height="2" rx="1" className="fill-surface-3" />
      <rect
        x={low * 100}
        y="1.5"
        width={Math.max((high - low) * 100, 0.5)}
        height="5"
        rx="1"
        className="fill-data-1-soft"
      />
      <rect x={Math.max(rate * 100 - 0.6, 0)} y="0" width="1.2" height="8" className="fill-data-1" />
    </svg>
  );
}
