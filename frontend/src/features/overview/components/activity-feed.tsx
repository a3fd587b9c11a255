/** The newest twenty activities in the reader's scope. */
import { CalendarDays, CircleDot, FileText, ListChecks, type LucideIcon, Mail, Phone } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { EmptyState } from "@/components/state/empty-state";
import { Button } from "@/components/ui/button";
import { Panel } from "@/components/ui/panel";
import type { Overview } from "@/features/overview/api/get-overview";
import { cn } from "@/lib/cn";
import { ago, day, integer, localDay, preciseTime, secondsSince } from "@/lib/format";
import { useNow } from "@/lib/use-now";

type Activity = Overview["activity"][number];

const ICONS: Record<Activity["kind"], LucideIcon> = {
  call: Phone,
  email: Mail,
  meeting: CalendarDays,
  task: ListChecks,
  note: FileText,
  other: CircleDot,
};

/** A screenful; the rest on demand. */
const AT_FIRST = 8;

export function ActivityFeed({ items }: { items: Activity[] }) {
  const { t } = useTranslation();
  const now = useNow(30_000);
  const [all, setAll] = useState(false);
  const shown = all ? items : items.slice(0, AT_FIRST);
  return (
    <Panel title={t("overview.activity")} flush>
      {items.length === 0 ? (
        <EmptyState title={t("overview.activityEmpty")} why={t("overview.activityEmptyWhy")} />
      ) : (
        <ul className="divide-y divide-line border-line border-t" data-testid="activity-feed">
          {shown.map((item) => (
            <Row key={item.id} item={item} now={now} />
          ))}
        </ul>
      )}
      {items.length > AT_FIRST && (
        <div className="border-line border-t p-2">
          <Button look="ghost" className="w-full" aria-expanded={all} onClick={() => setAll(!all)}>
            {all ? t("overview.activityLess") : t("overview.activityAll", { n: integer(items.length) })}
          </Button>
        </div>
      )}
    </Panel>
  );
}

function Row({ item, now }: { item: Activity; now: number }) {
  const { t } = useTranslation();
  const Icon = ICONS[item.kind];
  const about = [item.related?.name, item.owner?.name].filter(Boolean).join(" · ");
  return (
    <li className="flex gap-3 px-4 py-2.5">
      <span className="mt-0.5 grid size-6 shrink-0 place-items-center rounded-full bg-surface-2 text-ink-2">
        <Icon aria-hidden className="size-3.5" />
        <span className="sr-only">{t(`activity.kind.${item.kind}`)}</span>
      </span>
      <div className="min-w-0 flex-1">
        <p
          className={cn("truncate text-[0.8125rem]", item.state === "cancelled" && "text-ink-3 line-through")}
          title={item.subject}
        >
          {item.subject}
        </p>
        <p className="truncate text-ink-2 text-xs" title={about}>
          {about}
        </p>
        <p className="num flex flex-wrap gap-x-2 text-ink-3 text-xs">
          <time dateTime={item.at} title={preciseTime(item.at)}>
            {ago(secondsSince(item.at, now))}
          </time>
          <span>{t(`activity.state.${item.state}`)}</span>
          {item.due && item.state === "open" && <Due date={item.due} now={now} />}
        </p>
      </div>
    </li>
  );
}

/** A day is overdue when it is over where the reader is. */
function Due({ date, now }: { date: string; now: number }) {
  const { t } = useTranslation();
  const late = date.slice(0, 10) < localDay(now);
  return (
    <span className={cn(late && "font-medium text-warn")}>
      {t(late ? "overview.overdue" : "overview.due", { date: day(date) })}
    </span>
  );
}
