/** Records as a table, from tablet width up. */
import { useTranslation } from "react-i18next";
import { Money } from "@/components/ui/money";
import { ScrollRegion } from "@/components/ui/scroll-region";
import { RowHead, Table, Td, Th } from "@/components/ui/table";
import type { EntityItem } from "@/features/entities/api/get-entities";
import { RecordLink, SourceRef, StatusWord } from "@/features/entities/components/entity-parts";
import type { EntityType } from "@/lib/entity-types";
import { dateTime, NO_VALUE, preciseTime } from "@/lib/format";

export function EntityTable({ type, items }: { type: EntityType; items: EntityItem[] }) {
  const { t } = useTranslation();
  const amounts = items.some((item) => item.amount);
  const caption = t("entities.list", { type: t(`entity.${type}`) });
  return (
    <div
      className="hidden rounded-card border border-line bg-surface pt-px sm:block"
      data-testid="entity-table"
    >
      <ScrollRegion label={caption}>
        <Table
          caption={caption}
          head={
            <>
              <Th>{t("entities.name")}</Th>
              <Th>{t("entities.status")}</Th>
              <Th>{t("entities.owner")}</Th>
              {amounts && <Th figure>{t("entities.amount")}</Th>}
              <Th>{t("entities.source")}</Th>
              <Th figure>{t("entities.updated")}</Th>
            </>
          }
        >
          {items.map((item) => (
            <tr key={item.id} data-entity={item.id} className="hover:bg-surface-2">
              <RowHead className="min-w-48">
                <RecordLink type={type} item={item} />
              </RowHead>
              <Td>
                <StatusWord status={item.status} />
              </Td>
              <Td>{item.owner?.name ?? <span className="text-ink-3">{t("entities.noOwner")}</span>}</Td>
              {amounts && <Td figure>{item.amount ? <Money amount={item.amount} /> : NO_VALUE}</Td>}
              <Td>
                <SourceRef source={item.source} />
              </Td>
              <Td figure title={preciseTime(item.updated_at)}>
                {dateTime(item.updated_at)}
              </Td>
            </tr>
          ))}
        </Table>
      </ScrollRegion>
    </div>
  );
}
