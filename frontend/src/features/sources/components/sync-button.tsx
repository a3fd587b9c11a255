/** "Sync now". Stays focusable while a run is under way; says so when someone else was first, and shows a refusal beside itself. */
import { RefreshCw } from "lucide-react";
import { useTranslation } from "react-i18next";
import { useProblemText } from "@/components/state/problem-text";
import { Button } from "@/components/ui/button";
import { type SourceStatus, useLastTrigger, useTriggerSync } from "@/features/sources/api/sync";
import { toProblem } from "@/lib/problem";

export function SyncButton({ source, running }: { source: SourceStatus; running: boolean }) {
  const { t } = useTranslation();
  const { mutate } = useTriggerSync();
  const last = useLastTrigger(source.name);
  const busy = running || last.pending;
  const word = running ? "syncing" : last.pending ? "starting" : "sync";
  return (
    <div className="flex flex-wrap items-center gap-2">
      <Button
        look="primary"
        data-testid={`sync-now-${source.name}`}
        aria-label={busy ? undefined : t("sources.syncLabel", { source: source.title })}
        aria-disabled={busy}
        onClick={() => !busy && mutate(source.name)}
      >
        <RefreshCw aria-hidden className={running ? "size-3.5 animate-spin" : "size-3.5"} />
        {t(`sources.button.${word}`)}
      </Button>
      {last.already && running && <p className="text-ink-2 text-xs">{t("sources.alreadyRunning")}</p>}
      {last.error && <Refusal error={last.error} />}
    </div>
  );
}

function Refusal({ error }: { error: unknown }) {
  const text = useProblemText(toProblem(error));
  return (
    <p role="alert" className="max-w-prose text-bad text-xs">
      {[text.what, text.why, text.fix].filter(Boolean).join(" · ")}
    </p>
  );
}
