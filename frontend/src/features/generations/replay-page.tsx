/** One replay: how far it is, what its comparison has shown, and the switch. */
import "@/i18n/later";
import { Link } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { QueryPanel } from "@/components/state/query-panel";
import { Bones } from "@/components/state/skeleton";
import { buttonClass } from "@/components/ui/button";
import { type Fact, Facts } from "@/components/ui/facts";
import { PageHeader } from "@/components/ui/page-header";
import { Panel } from "@/components/ui/panel";
import { type Replay, type ReplayDetail, useReplay } from "@/features/generations/api/generations";
import { CancelButton } from "@/features/generations/components/cancel-button";
import { Comparison } from "@/features/generations/components/comparison";
import { GatePanel } from "@/features/generations/components/gate-panel";
import { ReplayProgress } from "@/features/generations/components/replay-progress";
import { ReplayBadge, useAskedBy, useReplayTitle } from "@/features/generations/components/replay-state";
import { dateTime, duration, integer } from "@/lib/format";
import { useNow } from "@/lib/use-now";

export function ReplayPage({ id }: { id: string }) {
  const { t } = useTranslation();
  const title = useReplayTitle();
  const query = useReplay(id);
  return (
    <>
      <PageHeader
        title={query.data ? title(query.data.replay) : t("replay.title")}
        subtitle={<span className="break-all font-mono text-xs">{id}</span>}
      >
        <Link to="/data-lake/generations" className={buttonClass({ look: "ghost" })}>
          {t("generations.title")}
        </Link>
      </PageHeader>
      <QueryPanel query={query} skeleton={<Bones rows={6} className="h-10" />}>
        {(detail) => <Detail detail={detail} />}
      </QueryPanel>
    </>
  );
}

function Detail({ detail: { replay, comparison } }: { detail: ReplayDetail }) {
  const { t } = useTranslation();
  const moving = replay.state === "building" || replay.state === "comparing";
  return (
    <div className="flex flex-col gap-4" data-testid="replay" data-state={replay.state}>
      <Panel
        title={t("replay.stateLabel")}
        actions={
          <span role="status">
            <ReplayBadge state={replay.state} />
          </span>
        }
      >
        <div className="flex flex-col items-start gap-3">
          <p className="text-[0.8125rem]">{t(`replay.now.${replay.state}`)}</p>
          {replay.error && <p className="break-words text-[0.8125rem] text-bad">{replay.error}</p>}
          {moving && replay.progress && (
            <div className="w-full">
              <ReplayProgress progress={replay.progress} />
            </div>
          )}
          <ReplayFacts replay={replay} />
          {replay.state !== "ready" && <CancelButton replay={replay} />}
        </div>
      </Panel>
      {comparison && replay.result && (
        <>
          <GatePanel replay={replay} result={replay.result} changed={comparison.changed_definition} />
          <Comparison comparison={comparison} compared={replay.result.compared} />
        </>
      )}
    </div>
  );
}

function ReplayFacts({ replay }: { replay: Replay }) {
  const { t } = useTranslation();
  const askedBy = useAskedBy();
  const now = useNow(1_000);
  const facts: Fact[] = [
    { name: t("replay.asked"), value: `${dateTime(replay.requested_at)} · ${askedBy(replay)}` },
  ];
  // One that is ready waits for a person: how long says nothing about the replay.
  if (replay.started_at && replay.state !== "ready")
    facts.push({ name: t("replay.took"), value: duration(replay.started_at, replay.finished_at, now) });
  if (replay.progress) facts.push({ name: t("replay.events"), value: integer(replay.progress.done) });
  if (replay.canonical)
    facts.push({
      name: t("replay.builds"),
      value: t("generations.canonical", { n: integer(replay.canonical) }),
    });
  return <Facts facts={facts} />;
}
