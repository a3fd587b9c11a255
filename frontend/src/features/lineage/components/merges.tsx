/** Where a record went that was merged at its source, and what was merged into this one. */
import { Link } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import type { Lineage } from "@/features/lineage/api/get-lineage";
import type { EntityType } from "@/lib/entity-types";

export function Merges({ type, lineage }: { type: EntityType; lineage: Lineage }) {
  const { t } = useTranslation();
  const { deleted, merged_from, merged_into } = lineage;
  return (
    <>
      {merged_into && (
        <p className="text-[0.8125rem] text-warn">
          {t("lineage.mergedInto")} <Other type={type} id={merged_into} name={merged_into} />
        </p>
      )}
      {deleted && !merged_into && <p className="text-[0.8125rem] text-warn">{t("lineage.deleted")}</p>}
      {merged_from.length > 0 && (
        <div className="flex flex-wrap items-baseline gap-x-3 text-[0.8125rem]" data-testid="merged-from">
          <p className="text-ink-2">{t("lineage.mergedFrom")}</p>
          <ul className="flex min-w-0 flex-wrap gap-x-4">
            {merged_from.map(({ id, name }) => (
              <li key={id}>
                <Other type={type} id={id} name={name} />
              </li>
            ))}
          </ul>
        </div>
      )}
    </>
  );
}

function Other({ type, id, name }: { type: EntityType; id: string; name: string }) {
  return (
    <Link
      to="/data-lake/lineage/$type/$id"
      params={{ type, id }}
      className="break-all text-accent-text underline-offset-2 hover:underline"
    >
      {name}
    </Link>
  );
}
