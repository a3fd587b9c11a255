/** What a run had to say, and what it took. */
import { useQuery } from "@tanstack/react-query";
import { CircleAlert, Info, type LucideIcon, ScrollText, TriangleAlert } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Badge, type Tone } from "@/components/ui/badge";
import { Button } from "@/components/ui/button";
import { type Run, runLogQuery } from "@/features/sources/api/sync";
import { InquiryDialog } from "@/features/sources/components/inquiry-dialog";
import type { Schemas } from "@/lib/api-client";
import { bytes, clock, dateTime, integer, seconds } from "@/lib/format";

const LOOK: Record<Schemas["RunLogLevel"], { tone: Tone; icon: LucideIcon }> = {
  info: { tone: "neutral", icon: Info },
  warn: { tone: "warn", icon: TriangleAlert },
  error: { tone: "bad", icon: CircleAlert },
};

export function RunLogButton({ run }: { run: Run }) {
  const { t } = useTranslation();
  const [open, setOpen] = useState(false);
  const about = { source: run.source, time: dateTime(run.started_at) };
  return (
    <>
      <Button look="ghost" aria-label={t("log.openLabel", about)} onClick={() => setOpen(true)}>
        <ScrollText aria-hidden className="size-3.5" />
        {t("log.open")}
      </Button>
      {open && <RunLogDialog run={run} title={t("log.title", about)} onClosed={() => setOpen(false)} />}
    </>
  );
}

interface RunLogDialogProps {
  run: Run;
  title: string;
  onClosed: () => void;
}

function RunLogDialog({ run, title, onClosed }: RunLogDialogProps) {
  const { t } = useTranslation();
  const query = useQuery(runLogQuery(run));
  return (
    <InquiryDialog title={title} query={query} className="max-w-3xl" onClosed={onClosed}>
      {({ lines, dropped }) => (
        <>
          <p className="num mb-2 text-ink-2 text-xs">
            {t("log.effort", {
              calls: integer(run.calls),
              bytes: bytes(run.bytes),
              rateLimits: integer(run.rate_limits),
              waited: seconds(run.waited_ms / 1000),
            })}
          </p>
          {dropped > 0 && (
            <p className="mb-2 text-ink-2 text-xs">
              {t("log.dropped", { count: dropped, n: integer(dropped) })}
            </p>
          )}
          {lines.length === 0 ? <p>{t("log.empty")}</p> : <Lines lines={lines} />}
        </>
      )}
    </InquiryDialog>
  );
}

function Lines({ lines }: { lines: Schemas["RunLogLine"][] }) {
  const { t } = useTranslation();
  return (
    <ol className="flex flex-col divide-y divide-line">
      {lines.map((line, index) => (
        <li
          // Lines come at the end and go at the beginning; none has a name of its own.
          // biome-ignore lint/suspicious/noArrayIndexKey: see above
          key={index}
          className="grid grid-cols-[4.5rem_5.5rem_minmax(0,1fr)] items-start gap-3 py-2 text-[0.8125rem]"
        >
          <span className="num text-ink-2">{clock(line.at)}</span>
          <span>
            <Badge {...LOOK[line.level]}>{t(`log.level.${line.level}`)}</Badge>
          </span>
          <span className="break-words">
            {line.object && <span className="mr-2 font-mono text-xs">{line.object}</span>}
            {line.text}
            {line.times > 1 && (
              <span className="text-ink-2"> · {t("log.times", { n: integer(line.times) })}</span>
            )}
          </span>
        </li>
      ))}
    </ol>
  );
}
