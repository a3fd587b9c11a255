/** From one day to another, in words; nothing for "always". */
import { useTranslation } from "react-i18next";
import { day } from "@/lib/format";

type Day = string | null | undefined;

export function useDays() {
  const { t } = useTranslation();
  return (from: Day, until: Day) => {
    if (from && until) return t("org.fromUntil", { from: day(from), until: day(until) });
    if (from) return t("org.from", { from: day(from) });
    return until ? t("org.until", { until: day(until) }) : "";
  };
}
