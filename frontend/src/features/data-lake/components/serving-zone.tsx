/** The serving zone: one line per projection. */
import { useTranslation } from "react-i18next";
import { type LakeStats, sum } from "@/features/data-lake/api/get-lake";
import { UntoldZone, ZoneCard } from "@/features/data-lake/components/zone-card";
import { integer } from "@/lib/format";

export function ServingZone({ projections }: { projections: LakeStats["serving"] }) {
  const { t } = useTranslation();
  if (!projections) {
    return <UntoldZone zone="serving" title={t("lake.serving")} hint={t("lake.servingHint")} />;
  }
  const documents = sum(projections.map((projection) => projection.documents));
  return (
    <ZoneCard
      zone="serving"
      title={t("lake.serving")}
      hint={t("lake.servingHint")}
      count={documents}
      unit={t("lake.documents", { count: documents })}
    >
      {projections.length === 0 && <p className="text-ink-2">{t("lake.servingEmpty")}</p>}
      <ul className="flex flex-col gap-2">
        {projections.map((p) => (
          <li key={p.projection}>
            <p className="flex justify-between gap-3">
              <span className="min-w-0 break-words font-medium">{p.projection}</span>
              <span>{integer(p.documents)}</span>
            </p>
            <p className="flex justify-between gap-3 text-ink-3 text-xs">
              <span>
                {t("lake.version", { n: p.version })} · {t("lake.generation", { n: integer(p.generation) })}
              </span>
              <span className={p.pending > 0 ? "font-medium text-busy" : undefined}>
                {p.pending > 0 ? t("lake.pending", { n: integer(p.pending) }) : t("lake.caughtUp")}
              </span>
            </p>
          </li>
        ))}
      </ul>
    </ZoneCard>
  );
}
