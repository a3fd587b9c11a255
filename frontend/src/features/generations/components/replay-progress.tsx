/** How far a replay is: events, rate, time left. */
import { useTranslation } from "react-i18next";
import type { Replay } from "@/features/generations/api/generations";
import { integer, seconds } from "@/lib/format";

export function ReplayProgress({ progress }: { progress: NonNullable<Replay["progress"]> }) {
  const { t } = useTranslation();
  const { done, total, events_per_second, eta_seconds } = progress;
  const part = total > 0 ? Math.min(done / total, 1) : 0;
  const figures = t("replay.eventsOf", { done: integer(done), total: integer(total) });
  return (
    <div data-testid="replay-progress" data-done={done} data-total={total}>
      <p className="num mb-1 flex flex-wrap justify-between gap-x-4 text-ink-2 text-xs">
        <span>{figures}</span>
        <span>
          {t("replay.rate", { n: integer(Math.round(events_per_second)) })}
          {eta_seconds != null && done < total && ` · ${t("replay.left", { time: seconds(eta_seconds) })}`}
        </span>
      </p>
      <div
        role="progressbar"
        aria-label={t("replay.progressLabel")}
        aria-valuetext={figures}
        aria-valuemin={0}
        aria-valuemax={100}
        aria-valuenow={Math.round(part * 100)}
        className="h-1.5 overflow-hidden rounded-full bg-surface-3"
      >
        <div
          className="h-full rounded-full bg-data-1 transition-[width] duration-500"
          style={{ width: `${part * 100}%` }}
        />
      </div>
    </div>
  );
}
