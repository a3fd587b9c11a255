/** What people were told of a source that the badges do not say already, and since when. */
import { TriangleAlert } from "lucide-react";
import { useTranslation } from "react-i18next";
import { Badge } from "@/components/ui/badge";
import type { SourceStatus } from "@/features/sources/api/sync";
import { dateTime } from "@/lib/format";

export function SourceAlerts({ source }: { source: SourceStatus }) {
  const { t } = useTranslation();
  if (source.alerts.length === 0) return null;
  return (
    <ul aria-label={t("alerts.title", { source: source.title })} className="flex flex-wrap gap-2 px-4 pb-3">
      {source.alerts.map(({ condition, since }) => (
        <li key={condition}>
          <Badge tone={condition === "stale" ? "warn" : "bad"} icon={TriangleAlert}>
            {t(`alerts.${condition}`, { time: dateTime(since) })}
          </Badge>
        </li>
      ))}
    </ul>
  );
}
