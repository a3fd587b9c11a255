/** Browsers in which somebody is signed in: what they say they are, from where, since when. */
import { CircleCheck, MonitorSmartphone } from "lucide-react";
import { useTranslation } from "react-i18next";
import { Badge } from "@/components/ui/badge";
import { Button } from "@/components/ui/button";
import type { Schemas } from "@/lib/api-client";
import { dateTime } from "@/lib/format";

interface SessionListProps {
  sessions: Schemas["SessionSummary"][];
  /** Ends one; none where one cannot. */
  onEnd?: (id: string) => void;
  busy?: boolean;
}

export function SessionList({ sessions, onEnd, busy }: SessionListProps) {
  const { t } = useTranslation();
  if (sessions.length === 0) return <p className="text-ink-2">{t("sessions.none")}</p>;
  return (
    <ul aria-label={t("sessions.list")} className="divide-y divide-line rounded-md border border-line">
      {sessions.map(({ id, device, address, current, first_seen, last_seen }) => {
        const name = device ?? t("sessions.unknown");
        const seen = { last: dateTime(last_seen), first: dateTime(first_seen) };
        return (
          <li key={id} className="flex items-center gap-3 px-3 py-2" data-session={current ? "own" : "other"}>
            <MonitorSmartphone aria-hidden className="size-4 shrink-0 text-ink-3" />
            <div className="min-w-0 flex-1">
              <p className="flex flex-wrap items-center gap-2 font-medium">
                {name}
                {current && (
                  <Badge tone="ok" icon={CircleCheck}>
                    {t("sessions.current")}
                  </Badge>
                )}
              </p>
              <p className="text-ink-2 text-xs">
                {address && <span className="num">{address} · </span>}
                {t("sessions.seen", seen)}
              </p>
            </div>
            {onEnd && !current && (
              <Button
                aria-label={t("sessions.endLabel", { device: name })}
                aria-disabled={busy}
                onClick={() => !busy && onEnd(id)}
              >
                {t("sessions.end")}
              </Button>
            )}
          </li>
        );
      })}
    </ul>
  );
}
