/** One rejected raw event: why, the event as it stands in the log, and what can be decided about it. */
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { QueryPanel } from "@/components/state/query-panel";
import { Bones } from "@/components/state/skeleton";
import { buttonClass } from "@/components/ui/button";
import { PageHeader } from "@/components/ui/page-header";
import { Panel } from "@/components/ui/panel";
import { type RawPlace, type Reject, rejectQuery } from "@/features/operations/api/quarantine";
import { Decisions } from "@/features/operations/components/decisions";
import { RawEventView } from "@/features/operations/components/raw-event";
import { RejectBadge } from "@/features/operations/components/reject-badge";
import { useCan } from "@/lib/access";
import { NO_VALUE } from "@/lib/format";

export function RejectPage({ place }: { place: RawPlace }) {
  const { t } = useTranslation();
  const query = useQuery(rejectQuery(place));
  const canDecide = useCan("ops:manage");
  const id = `${place.instance}/${place.epoch}/${place.sequence}`;
  return (
    <>
      <PageHeader title={t("quarantine.event", { id })} subtitle={t("quarantine.eventHint")}>
        <Link to="/data-lake/quarantine" className={buttonClass({ look: "ghost" })}>
          {t("quarantine.title")}
        </Link>
      </PageHeader>
      <QueryPanel query={query} skeleton={<Bones rows={6} className="h-8" />}>
        {({ reject, event }) => (
          <div className="flex flex-col gap-4">
            <Panel title={t("quarantine.why")} actions={<RejectBadge state={reject.state} />}>
              <Facts reject={reject} />
            </Panel>
            {canDecide && <Decisions place={place} state={reject.state} />}
            <Panel title={t("quarantine.rawEvent")} hint={event?.content_type ?? undefined}>
              <RawEventView event={event} />
            </Panel>
          </div>
        )}
      </QueryPanel>
    </>
  );
}

function Facts({ reject }: { reject: Reject }) {
  const { t } = useTranslation();
  const facts = [
    [t("quarantine.reason"), reject.reason],
    [t("quarantine.field"), reject.path || NO_VALUE],
    [t("quarantine.detail"), reject.detail],
    [t("quarantine.subject"), reject.subject],
    ...(reject.note ? [[t("quarantine.note"), reject.note]] : []),
  ];
  return (
    <dl className="grid grid-cols-[minmax(0,1fr)] gap-x-6 gap-y-1 text-[0.8125rem] sm:grid-cols-[auto_minmax(0,1fr)]">
      {facts.map(([name, value]) => (
        <div key={name} className="contents">
          <dt className="text-ink-2">{name}</dt>
          <dd className="mb-1 break-words sm:mb-0">{value}</dd>
        </div>
      ))}
    </dl>
  );
}
