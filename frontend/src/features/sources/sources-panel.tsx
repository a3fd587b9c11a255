/** The sources: state, last complete sync, the run under way, "Sync now". Below them the latest runs. */
import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { EmptyState } from "@/components/state/empty-state";
import { QueryPanel } from "@/components/state/query-panel";
import { Bones } from "@/components/state/skeleton";
import { Panel } from "@/components/ui/panel";
import { syncHistoryQuery, useSyncStatus } from "@/features/sources/api/sync";
import { AddSource } from "@/features/sources/components/add-source";
import { RunHistory } from "@/features/sources/components/run-history";
import { SourceCard } from "@/features/sources/components/source-card";
import { SyncAnnouncer } from "@/features/sources/components/sync-announcer";
import { useCan } from "@/lib/access";

export function SourcesPanel() {
  const { t } = useTranslation();
  const status = useSyncStatus();
  const canManage = useCan("ops:manage");
  return (
    <section aria-labelledby="sources" className="flex flex-col gap-3">
      <div className="flex flex-wrap items-center justify-between gap-2">
        <h2 id="sources" className="font-semibold text-sm">
          {t("sources.title")}
        </h2>
        {canManage && <AddSource />}
      </div>
      <QueryPanel query={status} skeleton={<Bones rows={2} className="h-24" />}>
        {({ sources }) => (
          <>
            <SyncAnnouncer sources={sources} />
            {sources.length === 0 && <EmptyState title={t("sources.empty")} why={t("sources.emptyWhy")} />}
            <ul className="flex flex-col gap-3">
              {sources.map((source) => (
                <SourceCard key={source.name} source={source} />
              ))}
            </ul>
          </>
        )}
      </QueryPanel>
    </section>
  );
}

export function HistoryPanel() {
  const { t } = useTranslation();
  const history = useQuery(syncHistoryQuery);
  return (
    <Panel title={t("history.title")} flush>
      <QueryPanel query={history} skeleton={<Bones rows={5} />} inset="px-4 pb-4">
        {({ runs }) =>
          runs.length === 0 ? (
            <EmptyState title={t("history.empty")} why={t("history.emptyWhy")} />
          ) : (
            <RunHistory runs={runs} />
          )
        }
      </QueryPanel>
    </Panel>
  );
}
