/** What a deal is labelled with, and what it would bring again and again. */
import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { QueryPanel } from "@/components/state/query-panel";
import { Bones } from "@/components/state/skeleton";
import { Money } from "@/components/ui/money";
import { Panel } from "@/components/ui/panel";
import { type Deal, dealQuery } from "@/features/lineage/api/get-deal";
import { integer, NO_VALUE } from "@/lib/format";

export function DealLabels({ id }: { id: string }) {
  const { t } = useTranslation();
  const query = useQuery(dealQuery(id));
  return (
    <Panel title={t("lineage.deal")} hint={t("lineage.dealHint")}>
      <QueryPanel query={query} skeleton={<Bones rows={2} />}>
        {(deal) => (
          <dl className="grid grid-cols-[repeat(auto-fit,minmax(11rem,1fr))] gap-x-6 gap-y-3 text-[0.8125rem]">
            <Line name={t("lineage.tags")}>{deal.tags.length > 0 && <Tags tags={deal.tags} />}</Line>
            <Line name={t("lineage.source")}>{deal.source?.name}</Line>
            <Line name={t("lineage.medium")}>{deal.medium?.name}</Line>
            <Line name={t("lineage.campaign")}>{deal.campaign?.name}</Line>
            <Line name={t("lineage.lostReason")}>{deal.lost_reason?.name}</Line>
            <Line name={t("lineage.recurring")}>
              {deal.recurring && <Recurring recurring={deal.recurring} />}
            </Line>
          </dl>
        )}
      </QueryPanel>
    </Panel>
  );
}

function Line({ name, children }: { name: string; children: ReactNode }) {
  return (
    <div className="min-w-0">
      <dt className="text-ink-2 text-xs">{name}</dt>
      <dd className="break-words font-medium">
        {children || <span className="text-ink-2">{NO_VALUE}</span>}
      </dd>
    </div>
  );
}

function Tags({ tags }: Pick<Deal, "tags">) {
  return (
    <ul className="flex flex-wrap gap-1.5">
      {tags.map(({ id, name }) => (
        <li key={id ?? name} className="rounded-full bg-surface-2 px-2 py-0.5 text-ink-2 text-xs">
          {name}
        </li>
      ))}
    </ul>
  );
}

/** What comes each time and how often; what that is in a month, where it is not the same. */
function Recurring({ recurring: { amount, months, mrr } }: { recurring: NonNullable<Deal["recurring"]> }) {
  const { t } = useTranslation();
  return (
    <>
      <Money amount={amount} />{" "}
      {months && (
        <span className="text-ink-2 text-xs">
          {t("lineage.every", { count: months, n: integer(months) })}
        </span>
      )}
      {mrr && months !== 1 && (
        <span className="block text-ink-2 text-xs">
          <Money amount={mrr} /> {t("lineage.perMonth")}
        </span>
      )}
    </>
  );
}
