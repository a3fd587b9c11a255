/** The run under way, object by object. */
import { useTranslation } from "react-i18next";
import { ScrollRegion } from "@/components/ui/scroll-region";
import { RowHead, Table, Td, Th } from "@/components/ui/table";
import type { Run } from "@/features/sources/api/sync";
import { CancelButton } from "@/features/sources/components/cancel-button";
import { RunLogButton } from "@/features/sources/components/run-log";
import { RunPace } from "@/features/sources/components/run-pace";
import type { Schemas } from "@/lib/api-client";
import { cn } from "@/lib/cn";
import { duration, integer } from "@/lib/format";
import { useNow } from "@/lib/use-now";

type RunObject = Schemas["RunObject"];

export function RunProgress({ run, canCancel }: { run: Run; canCancel: boolean }) {
  const { t } = useTranslation();
  const now = useNow(1_000);
  const objects = run.objects ?? [];
  return (
    <div data-testid="run-progress" className="border-line border-t">
      <div className="num flex flex-wrap items-center gap-x-4 px-4 py-2.5 text-[0.8125rem] text-ink-2">
        <span className="font-medium text-ink">{t(`sources.runState.${run.state}`)}</span>
        <span>{run.started_at ? duration(run.started_at, null, now) : t("sources.queuedNote")}</span>
        <span>
          {t("sources.read")} {integer(run.read)}
        </span>
        <span>
          {t("sources.published")} {integer(run.published)}
        </span>
        {(run.rejected ?? 0) > 0 && (
          <span className="text-bad">
            {t("sources.rejected")} {integer(run.rejected)}
          </span>
        )}
        <RunLogButton run={run} />
        {canCancel && <CancelButton run={run} />}
      </div>
      {objects.length > 0 && (
        <ScrollRegion label={t("sources.detail")}>
          <Table caption={t("sources.detail")} head={<Head />}>
            {objects.map((object) => (
              <ObjectRow key={object.object} object={object} />
            ))}
          </Table>
        </ScrollRegion>
      )}
    </div>
  );
}

function Head() {
  const { t } = useTranslation();
  return (
    <>
      <Th>{t("sources.object")}</Th>
      <Th className="w-1/3 min-w-40">{t("sources.progress")}</Th>
      <Th figure>{t("sources.published")}</Th>
      <Th figure>{t("sources.unchanged")}</Th>
      <Th figure>{t("sources.deleted")}</Th>
      <Th figure>{t("sources.rejected")}</Th>
      <Th figure>{t("sources.calls")}</Th>
    </>
  );
}

function ObjectRow({ object }: { object: RunObject }) {
  const { t } = useTranslation();
  const { state, total } = object;
  const read = object.before + object.read;
  const figures =
    total == null ? integer(read) : t("sources.readOf", { read: integer(read), total: integer(total) });
  return (
    <tr data-object={object.object} data-state={state}>
      <RowHead className="font-mono text-xs">{object.object}</RowHead>
      <Td>
        <div className="num mb-1 flex justify-between gap-3 whitespace-nowrap text-xs">
          <span className={state === "failed" ? "font-medium text-bad" : "text-ink-2"}>
            {t(`sources.objectState.${state}`)}
          </span>
          <span>{figures}</span>
        </div>
        <ProgressBar object={object} />
        <RunPace object={object} />
        {object.detail && <p className="mt-1 text-ink-2 text-xs">{object.detail}</p>}
      </Td>
      <Td figure>{integer(object.published)}</Td>
      <Td figure>{integer(object.unchanged)}</Td>
      <Td figure>{integer(object.deleted)}</Td>
      <Td figure className={cn((object.rejected ?? 0) > 0 && "font-medium text-bad")}>
        {integer(object.rejected)}
      </Td>
      <Td figure>{integer(object.calls)}</Td>
    </tr>
  );
}

/** Without a known total the bar cannot say how far; it only says that something moves. */
function ProgressBar({ object: { object, state, before, total, ...figures } }: { object: RunObject }) {
  const { t } = useTranslation();
  const read = before + figures.read;
  const known = state === "done" || total != null;
  const part = state === "done" ? 1 : total ? Math.min(read / total, 1) : 0;
  const moving = !known && state === "running";
  return (
    <div
      role="progressbar"
      aria-label={t("sources.progressLabel", {
        object,
        read: integer(read),
        total: total == null ? "?" : integer(total),
      })}
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuenow={known ? Math.round(part * 100) : undefined}
      className="h-1.5 overflow-hidden rounded-full bg-surface-3"
    >
      <div
        className={cn(
          "h-full rounded-full transition-[width] duration-500",
          state === "failed" ? "bg-bad" : "bg-data-1",
          moving && "animate-pulse",
        )}
        style={{ width: moving ? "100%" : `${part * 100}%` }}
      />
    </div>
  );
}
