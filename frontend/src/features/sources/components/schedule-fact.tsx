/** When a source is read by itself, and when next. Whoever operates the pipeline may change it. */
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Button } from "@/components/ui/button";
import type { SourceSchedule, SourceStatus } from "@/features/sources/api/sync";
import { Cadence } from "@/features/sources/components/cadence";
import { ScheduleDialog } from "@/features/sources/components/schedule-dialog";
import { useCan } from "@/lib/access";
import { dateTime } from "@/lib/format";

export function ScheduleFact({ source }: { source: SourceStatus }) {
  const { t } = useTranslation();
  const canManage = useCan("ops:manage");
  const [open, setOpen] = useState(false);
  const { schedule } = source;
  return (
    <div>
      <dt className="eyebrow">{t("schedule.title")}</dt>
      <dd className="flex flex-wrap items-center gap-x-2">
        <span>
          <Cadence text={schedule.cadence} />
          <Next schedule={schedule} />
        </span>
        {canManage && (
          <Button
            look="ghost"
            aria-label={t("schedule.changeLabel", { source: source.title })}
            onClick={() => setOpen(true)}
          >
            {t("schedule.change")}
          </Button>
        )}
        {open && <ScheduleDialog source={source} onClosed={() => setOpen(false)} />}
      </dd>
    </div>
  );
}

function Next({ schedule }: { schedule: SourceSchedule }) {
  const { t } = useTranslation();
  if (schedule.paused) {
    return <span className="text-bad"> · {t("schedule.paused", { count: schedule.failures })}</span>;
  }
  const own = Object.keys(schedule.objects).length;
  return (
    <>
      {own > 0 && <span className="text-ink-2"> · {t("schedule.own", { count: own })}</span>}
      {schedule.next_at && (
        <span className="num text-ink-2"> · {t("schedule.next", { time: dateTime(schedule.next_at) })}</span>
      )}
      {schedule.failures > 0 && (
        <span className="text-warn">
          {" "}
          · {t("schedule.pausing", { count: schedule.paused_after - schedule.failures })}
        </span>
      )}
    </>
  );
}
