/** Replays that are not over: what each does now, and what a person may do about it. */
import { Link } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { buttonClass } from "@/components/ui/button";
import type { Replay } from "@/features/generations/api/generations";
import { CancelButton } from "@/features/generations/components/cancel-button";
import { ReplayProgress } from "@/features/generations/components/replay-progress";
import { ReplayBadge, useAskedBy, useReplayTitle } from "@/features/generations/components/replay-state";
import { duration } from "@/lib/format";
import { useNow } from "@/lib/use-now";

export function OpenReplays({ replays }: { replays: Replay[] }) {
  const { t } = useTranslation();
  if (replays.length === 0) return null;
  return (
    <section aria-label={t("replay.open")}>
      <ul className="flex flex-col gap-3">
        {replays.map((replay) => (
          <OpenReplay key={replay.id} replay={replay} />
        ))}
      </ul>
    </section>
  );
}

function OpenReplay({ replay }: { replay: Replay }) {
  const { t } = useTranslation();
  const title = useReplayTitle();
  const askedBy = useAskedBy();
  const now = useNow(1_000);
  return (
    <li
      data-replay={replay.id}
      data-state={replay.state}
      className="flex flex-col gap-3 rounded-card border border-line bg-surface p-4"
    >
      <div className="flex flex-wrap items-start justify-between gap-x-4 gap-y-2">
        <div className="min-w-0">
          <p className="flex flex-wrap items-center gap-2">
            <span className="font-semibold text-sm">{title(replay)}</span>
            <span role="status">
              <ReplayBadge state={replay.state} />
            </span>
          </p>
          <p className="num text-ink-2 text-xs">
            {t("replay.askedBy", { name: askedBy(replay) })}
            {replay.started_at && replay.state !== "ready" && ` · ${duration(replay.started_at, null, now)}`}
          </p>
        </div>
        <div className="flex flex-wrap gap-2">
          {replay.result && (
            <Link
              to="/data-lake/replays/$replay"
              params={{ replay: replay.id }}
              className={buttonClass({ look: replay.state === "ready" ? "primary" : "secondary" })}
            >
              {t("replay.look")}
            </Link>
          )}
          <CancelButton replay={replay} />
        </div>
      </div>
      {replay.progress && replay.state !== "ready" && <ReplayProgress progress={replay.progress} />}
      <p className="text-[0.8125rem] text-ink-2">{t(`replay.now.${replay.state}`)}</p>
    </li>
  );
}
