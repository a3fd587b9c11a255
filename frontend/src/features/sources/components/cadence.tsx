/** A cadence in words. The server's text is one of `manual`, `webhook`, an interval such as `15m`, or five crontab fields. */
import { useTranslation } from "react-i18next";

const UNITS = { s: "seconds", m: "minutes", h: "hours", d: "days" } as const;

export function Cadence({ text }: { text: string }) {
  const { t } = useTranslation();
  const interval = /^(\d+)([smhd])$/.exec(text);
  if (interval) {
    const unit = UNITS[interval[2] as keyof typeof UNITS];
    return t(`schedule.every.${unit}`, { count: Number(interval[1]) });
  }
  if (text === "manual" || text === "webhook") return t(`schedule.${text}`);
  return <code className="font-mono text-xs">{text}</code>;
}
