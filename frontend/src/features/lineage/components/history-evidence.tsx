/** How something in a deal's history is known. */
import { CircleCheck, CircleHelp, Eye } from "lucide-react";
import { useTranslation } from "react-i18next";
import { Badge } from "@/components/ui/badge";
import type { HistoryRow } from "@/features/lineage/api/get-history";
import { dateTime } from "@/lib/format";

export function HistoryEvidence({ row: { edit, evidence, gap, since } }: { row: HistoryRow }) {
  const { t } = useTranslation();
  return (
    <span className="flex flex-wrap items-center gap-x-2 gap-y-1">
      {evidence === "source_history" && (
        <Badge tone="ok" icon={CircleCheck}>
          {t(edit ? "dealHistory.edited" : "dealHistory.exact")}
        </Badge>
      )}
      {evidence === "observed_diff" && (
        <Badge tone="neutral" icon={Eye}>
          {t("dealHistory.observed")}
        </Badge>
      )}
      {evidence === "inferred" && (
        <Badge tone="neutral" icon={CircleHelp}>
          {t("dealHistory.inferred")}
        </Badge>
      )}
      {since && (
        <span className="text-ink-2 text-xs">{t("dealHistory.since", { time: dateTime(since) })}</span>
      )}
      {gap && <span className="text-warn text-xs">{t("dealHistory.gap")}</span>}
    </span>
  );
}
