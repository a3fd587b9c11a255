/** One rejected raw event: why, the event as it stands in the log, and what can be decided about it. */
import "@/i18n/later";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { QueryPanel } from "@/components/state/query-panel";
import { Bones } from "@/components/state/skeleton";
import { buttonClass } from "@/components/ui/button";
import { type Fact, Facts } from "@/components/ui/facts";
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
        {({ reject, event, event_missing: missing }) => (
          <div className="flex flex-col gap-4">
            <Panel title={t("quarantine.why")} actions={<RejectBadge state={reject.state} />}>
              <Why reject={reject} />
            </Panel>
            {canDecide && <Decisions place={place} state={reject.state} />}
            <Panel title={t("quarantine.rawEvent")} hint={event?.content_type ?? undefined}>
              <RawEventView event={event} missing={missing} />
            </Panel>
          </div>
        )}
      </QueryPanel>
    </>
  );
}

function Why({ reject }: { reject: Reject }) {
  const { t } = useTranslation();
  const facts: Fact[] = [
    { name: t("quarantine.reason"), value: reject.reason },
    { name: t("quarantine.field"), value: reject.path || NO_VALUE },
    { name: t("quarantine.detail"), value: reject.detail },
    { name: t("quarantine.subject"), value: reject.subject },
  ];
  if (reject.note) facts.push({ name: t("quarantine.note"), value: reject.note });
  return <Facts facts={facts} />;
}
