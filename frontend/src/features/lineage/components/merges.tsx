/** Where a record went that was merged at its source, and what was merged into this one. */
import { useTranslation } from "react-i18next";
import { RecordLink } from "@/components/ui/record-link";
import type { Lineage } from "@/features/lineage/api/get-lineage";
import type { EntityType } from "@/lib/entity-types";

export function Merges({ type, lineage }: { type: EntityType; lineage: Lineage }) {
  const { t } = useTranslation();
  const { deleted, merged_from, merged_into } = lineage;
  return (
    <>
      {merged_into && (
        <p className="text-[0.8125rem] text-warn">
          {t("lineage.mergedInto")}{" "}
          <RecordLink type={type} id={merged_into}>
            {merged_into}
          </RecordLink>
        </p>
      )}
      {deleted && !merged_into && <p className="text-[0.8125rem] text-warn">{t("lineage.deleted")}</p>}
      {merged_from.length > 0 && (
        <div className="flex flex-wrap items-baseline gap-x-3 text-[0.8125rem]" data-testid="merged-from">
          <p className="text-ink-2">{t("lineage.mergedFrom")}</p>
          <ul className="flex min-w-0 flex-wrap gap-x-4">
            {merged_from.map(({ id, name }) => (
              <li key={id}>
                <RecordLink type={type} id={id}>
                  {name}
                </RecordLink>
              </li>
            ))}
          </ul>
        </div>
      )}
    </>
  );
}
