/** Records as cards, on a phone. */
import { useTranslation } from "react-i18next";
import { Money } from "@/components/ui/money";
import type { EntityItem } from "@/features/entities/api/get-entities";
import { RecordLink, SourceRef, StatusWord } from "@/features/entities/components/entity-parts";
import type { EntityType } from "@/lib/entity-types";
import { dateTime } from "@/lib/format";

export function EntityCards({ type, items }: { type: EntityType; items: EntityItem[] }) {
  const { t } = useTranslation();
  return (
    <ul
      className="divide-y divide-line rounded-card border border-line bg-surface sm:hidden"
      data-testid="entity-cards"
    >
      {items.map((item) => (
        <li key={item.id} className="flex flex-col gap-1 px-4 py-3 text-[0.8125rem]">
          <div className="flex flex-wrap items-baseline justify-between gap-x-3">
            <p className="min-w-0 break-words font-medium">
              <RecordLink type={type} item={item} />
            </p>
            {item.amount && <Money amount={item.amount} />}
          </div>
          <p className="flex flex-wrap gap-x-3 text-ink-2 text-xs">
            <StatusWord status={item.status} />
            <span>{item.owner?.name ?? t("entities.noOwner")}</span>
            <span className="num">{dateTime(item.updated_at)}</span>
          </p>
          <SourceRef source={item.source} />
        </li>
      ))}
    </ul>
  );
}
