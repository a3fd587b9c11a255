/** The raw zone: events per source as they came. */
import { useTranslation } from "react-i18next";
import { type LakeStats, sum } from "@/features/data-lake/api/get-lake";
import { UntoldZone, ZoneCard, ZoneLine } from "@/features/data-lake/components/zone-card";
import { bytes, dateTime, integer } from "@/lib/format";

export function RawZone({ zones }: { zones: LakeStats["raw"] }) {
  const { t } = useTranslation();
  if (!zones) return <UntoldZone zone="raw" title={t("lake.raw")} hint={t("lake.rawHint")} />;
  const events = sum(zones.map((zone) => zone.events));
  return (
    <ZoneCard
      zone="raw"
      title={t("lake.raw")}
      hint={t("lake.rawHint")}
      count={events}
      unit={t("lake.events", { count: events })}
    >
      {zones.length === 0 && <p className="text-ink-2">{t("lake.rawEmpty")}</p>}
      <ul className="flex flex-col gap-3">
        {zones.map((zone) => (
          <li key={`${zone.source}-${zone.epoch}`}>
            <h3 className="flex justify-between gap-3 font-medium">
              <span>{zone.source}</span>
              <span>{integer(zone.events)}</span>
            </h3>
            <p className="mb-1 break-all font-mono text-2xs text-ink-3">
              {t("lake.stream", { stream: zone.stream, epoch: zone.epoch })}
            </p>
            <dl>
              <ZoneLine name={t("lake.bytes")}>{bytes(zone.bytes)}</ZoneLine>
              <ZoneLine name={t("lake.latest")}>{dateTime(zone.last_at)}</ZoneLine>
            </dl>
          </li>
        ))}
      </ul>
    </ZoneCard>
  );
}
