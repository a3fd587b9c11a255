/** The canonical zone: records per type, each a link to them; what is held back in quarantine. */
import { Link } from "@tanstack/react-router";
import { ShieldAlert, ShieldCheck } from "lucide-react";
import { useTranslation } from "react-i18next";
import { Badge } from "@/components/ui/badge";
import { type LakeStats, sum } from "@/features/data-lake/api/get-lake";
import { ZoneCard, ZoneLine } from "@/features/data-lake/components/zone-card";
import { ENTITY_TYPES } from "@/lib/entity-types";
import { integer } from "@/lib/format";

export function CanonicalZone({ zone }: { zone: LakeStats["canonical"] }) {
  const { t } = useTranslation();
  const records = sum(zone.entities.map((entity) => entity.count));
  const held = zone.quarantine?.open;
  return (
    <ZoneCard
      zone="canonical"
      title={t("lake.canonical")}
      hint={t("lake.canonicalHint")}
      count={records}
      unit={t("lake.records", { count: records })}
    >
      <dl>
        {zone.entities.map(({ entity, count }) => (
          <ZoneLine key={entity} name={<EntityName entity={entity} />}>
            {integer(count)}
          </ZoneLine>
        ))}
        {held !== undefined && (
          <ZoneLine name={t("lake.quarantine")}>
            <span data-metric="quarantine" data-count={held}>
              <Badge tone={held > 0 ? "warn" : "ok"} icon={held > 0 ? ShieldAlert : ShieldCheck}>
                {held > 0
                  ? t("lake.quarantineOpen", { count: held, n: integer(held) })
                  : t("lake.quarantineNone")}
              </Badge>
            </span>
          </ZoneLine>
        )}
      </dl>
      <p className="mt-2 text-ink-3 text-xs">{t("lake.generation", { n: integer(zone.generation) })}</p>
    </ZoneCard>
  );
}

function EntityName({ entity }: { entity: string }) {
  const { t } = useTranslation();
  const type = ENTITY_TYPES.find((known) => known === entity);
  if (!type) return entity;
  return (
    <Link
      to="/data-lake/entities"
      search={{ type }}
      className="text-accent-text underline-offset-2 hover:underline"
    >
      {t(`entity.${type}`)}
    </Link>
  );
}
