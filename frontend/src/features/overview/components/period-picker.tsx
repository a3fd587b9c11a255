/** Which quarter the won, lost and win-rate figures are of. In the address; the current quarter leaves no trace there. */
import { ChevronLeft, ChevronRight } from "lucide-react";
import { useTranslation } from "react-i18next";
import { Button } from "@/components/ui/button";
import type { Overview } from "@/features/overview/api/get-overview";
import { day, lastDay } from "@/lib/format";
import { calendarQuarter, quarterChoices, quarterLabel, shiftQuarter } from "@/lib/quarters";

interface PeriodPickerProps {
  chosen: string | undefined;
  shown: Overview["period"] | undefined;
  onChoose: (period: string | undefined) => void;
}

export function PeriodPicker({ chosen, shown, onChoose }: PeriodPickerProps) {
  const { t } = useTranslation();
  const anchor = calendarQuarter(new Date());
  const key = chosen ?? shown?.key ?? anchor;
  const range = shown && t("period.range", { start: day(shown.start), end: lastDay(shown.end) });
  return (
    <div className="flex flex-wrap items-center gap-x-3 gap-y-1">
      <span className="num text-ink-2 text-xs">{range}</span>
      <div className="flex items-center gap-1">
        <Button
          size="icon"
          aria-label={t("period.previous")}
          title={t("period.previous")}
          onClick={() => onChoose(shiftQuarter(key, -1))}
        >
          <ChevronLeft aria-hidden className="size-4" />
        </Button>
        <select
          aria-label={t("period.label")}
          data-testid="period"
          className="h-8 rounded-md border border-line bg-surface px-2 font-medium text-[0.8125rem] hover:bg-surface-2"
          value={chosen ?? ""}
          onChange={(event) => onChoose(event.target.value || undefined)}
        >
          <option value="">
            {!chosen && shown ? t("period.currentNamed", { period: shown.label }) : t("period.current")}
          </option>
          {quarterChoices(anchor, key).map((choice) => (
            <option key={choice} value={choice}>
              {quarterLabel(choice)}
            </option>
          ))}
        </select>
        <Button
          size="icon"
          aria-label={t("period.next")}
          title={t("period.next")}
          onClick={() => onChoose(shiftQuarter(key, 1))}
        >
          <ChevronRight aria-hidden className="size-4" />
        </Button>
      </div>
    </div>
  );
}
