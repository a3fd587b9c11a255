/** One source. What it is doing now and how its last run ended are two different things, and shown as two. */
import { useTranslation } from "react-i18next";
import { SourceStateBadge } from "@/components/state/freshness";
import { ACCEPTABLE, isUnderWay, type SourceStatus } from "@/features/sources/api/sync";
import { AcceptChange } from "@/features/sources/components/accept-change";
import { RunError } from "@/features/sources/components/run-error";
import { RunProgress } from "@/features/sources/components/run-progress";
import { RunStateBadge } from "@/features/sources/components/run-state";
import { ScheduleFact } from "@/features/sources/components/schedule-fact";
import { SourceAlerts } from "@/features/sources/components/source-alerts";
import { SourceMenu } from "@/features/sources/components/source-menu";
import { SyncButton } from "@/features/sources/components/sync-button";
import { useCan } from "@/lib/access";
import { ago, integer, preciseTime, secondsSince } from "@/lib/format";
import { useNow } from "@/lib/use-now";

export function SourceCard({ source }: { source: SourceStatus }) {
  const canTrigger = useCan("sync:trigger");
  const canManage = useCan("ops:manage");
  const current = isUnderWay(source.current) ? source.current : undefined;
  const failure = current ? undefined : source.last?.error;
  const acceptable = ACCEPTABLE[failure?.code as keyof typeof ACCEPTABLE];
  return (
    <li
      data-testid={`source-${source.name}`}
      data-running={current !== undefined}
      className="rounded-card border border-line bg-surface"
    >
      <div className="flex flex-wrap items-center justify-between gap-x-6 gap-y-3 p-4">
        <div className="min-w-0">
          <h3 className="flex flex-wrap items-center gap-x-2.5 gap-y-1 font-semibold">
            {source.title}
            <SourceStateBadge state={source.state} />
          </h3>
          <p className="truncate text-ink-2 text-xs" title={source.url}>
            {source.url ? `${source.kind} · ${source.url}` : source.kind}
          </p>
        </div>
        <div className="flex items-center gap-2">
          {canTrigger && <SyncButton source={source} running={current !== undefined} />}
          {(canTrigger || canManage) && <SourceMenu source={source} />}
        </div>
        <Facts source={source} />
      </div>
      <SourceAlerts source={source} />
      {failure && <RunError error={failure} />}
      {acceptable && canTrigger && <AcceptChange source={source} what={acceptable} />}
      {current && <RunProgress run={current} canCancel={canTrigger} />}
    </li>
  );
}

function Facts({ source }: { source: SourceStatus }) {
  const { t } = useTranslation();
  const now = useNow(10_000);
  const { last, last_complete_sync: at } = source;
  return (
    <dl className="flex basis-full flex-wrap gap-x-8 gap-y-2 text-[0.8125rem]">
      <div>
        <dt className="eyebrow">{t("sources.lastComplete")}</dt>
        <dd title={preciseTime(at)}>{at ? ago(secondsSince(at, now)) : t("sources.never")}</dd>
      </div>
      <div>
        <dt className="eyebrow">{t("sources.lastRun")}</dt>
        <dd className="num flex items-center gap-2">
          {last ? <RunStateBadge state={last.state} /> : t("sources.noRun")}
          {last && t("sources.lastFigures", { published: integer(last.published), read: integer(last.read) })}
          {last && (last.deleted ?? 0) > 0 && t("sources.lastDeleted", { deleted: integer(last.deleted) })}
        </dd>
      </div>
      <ScheduleFact source={source} />
    </dl>
  );
}
