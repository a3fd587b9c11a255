/** What is read and what was read before, what is being built beside it, and the proof that figures are what raw says. */
import "@/i18n/later";
import { Link } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { QueryPanel } from "@/components/state/query-panel";
import { Bones } from "@/components/state/skeleton";
import { buttonClass } from "@/components/ui/button";
import { PageHeader } from "@/components/ui/page-header";
import { type GenerationList, useGenerations } from "@/features/generations/api/generations";
import { GenerationTable } from "@/features/generations/components/generation-table";
import { OpenReplays } from "@/features/generations/components/open-replays";
import { ReplayHistory } from "@/features/generations/components/replay-history";
import { StartPanel } from "@/features/generations/components/start-panel";
import { SwitchPanel } from "@/features/generations/components/switch-panel";
import { VerificationPanel } from "@/features/generations/components/verification-panel";
import { useCan } from "@/lib/access";

export function GenerationsPage() {
  const { t } = useTranslation();
  const canManage = useCan("ops:manage");
  const query = useGenerations();
  return (
    <>
      <PageHeader title={t("generations.title")} subtitle={t("generations.subtitle")}>
        <Link to="/data-lake" className={buttonClass({ look: "ghost" })}>
          {t("lake.title")}
        </Link>
      </PageHeader>
      <QueryPanel query={query} skeleton={<Bones rows={4} className="h-24" />}>
        {(list) => (
          <div className="flex flex-col gap-4">
            <OpenReplays replays={list.open_replays} />
            <div className="grid grid-cols-[minmax(0,1fr)] gap-4 xl:grid-cols-[minmax(0,3fr)_minmax(0,2fr)]">
              <SwitchPanel position={list.switch} />
              <VerificationPanel
                last={list.last_verification}
                open={list.open_replays.some(({ kind }) => kind === "verify")}
              />
            </div>
            {canManage && (
              <StartPanel sources={sourcesOf(list)} projections={Object.keys(list.switch.active.serving)} />
            )}
            <ReplayHistory />
            <GenerationTable items={list.items} />
          </div>
        )}
      </QueryPanel>
    </>
  );
}

/** The source instances of which what is read has read something. */
function sourcesOf({ switch: { active }, items }: GenerationList): string[] {
  const read = items.find(({ projection, number }) => projection === null && number === active.canonical);
  return read?.position.map(({ instance }) => instance) ?? [];
}
