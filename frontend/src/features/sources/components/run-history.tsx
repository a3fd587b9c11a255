/** The latest runs, newest first. */
import { useTranslation } from "react-i18next";
import { ScrollRegion } from "@/components/ui/scroll-region";
import { RowHead, Table, Td, Th } from "@/components/ui/table";
import type { Run } from "@/features/sources/api/sync";
import { RunLogButton } from "@/features/sources/components/run-log";
import { RunStateBadge } from "@/features/sources/components/run-state";
import { cn } from "@/lib/cn";
import { dateTime, duration, integer } from "@/lib/format";
import { useNow } from "@/lib/use-now";

export function RunHistory({ runs }: { runs: Run[] }) {
  const { t } = useTranslation();
  const now = useNow(1_000);
  return (
    <ScrollRegion label={t("history.title")}>
      <Table
        caption={t("history.title")}
        head={
          <>
            <Th>{t("history.started")}</Th>
            <Th>{t("history.source")}</Th>
            <Th>{t("history.state")}</Th>
            <Th>{t("history.trigger")}</Th>
            <Th figure>{t("history.took")}</Th>
            <Th figure>{t("sources.read")}</Th>
            <Th figure>{t("sources.published")}</Th>
            <Th figure>{t("sources.unchanged")}</Th>
            <Th figure>{t("sources.deleted")}</Th>
            <Th figure>{t("sources.rejected")}</Th>
            <Th>{t("log.open")}</Th>
          </>
        }
      >
        {runs.map((run) => (
          <Row key={run.run_id} run={run} now={now} />
        ))}
      </Table>
    </ScrollRegion>
  );
}

function Row({ run, now }: { run: Run; now: number }) {
  const { t } = useTranslation();
  return (
    <tr data-run={run.run_id} data-state={run.state}>
      <RowHead className="num whitespace-nowrap">{dateTime(run.started_at)}</RowHead>
      <Td className="whitespace-nowrap">{run.source}</Td>
      <Td>
        <RunStateBadge state={run.state} />
        {run.error && (
          <p className="mt-1 min-w-48 max-w-md text-ink-2 text-xs">
            {run.error.message} {run.error.fix}
          </p>
        )}
      </Td>
      <Td className="whitespace-nowrap">
        {t(`sources.trigger.${run.trigger}`)}
        {run.backfill && (
          <p className="num text-ink-2 text-xs">
            {t("sources.backfill", { from: dateTime(run.backfill.from), to: dateTime(run.backfill.to) })}
          </p>
        )}
      </Td>
      <Td figure>{duration(run.started_at, run.finished_at, now)}</Td>
      <Td figure>{integer(run.read)}</Td>
      <Td figure>{integer(run.published)}</Td>
      <Td figure>{integer(run.unchanged)}</Td>
      <Td figure>{integer(run.deleted)}</Td>
      <Td figure className={cn((run.rejected ?? 0) > 0 && "font-medium text-bad")}>
        {integer(run.rejected)}
      </Td>
      <Td>
        <RunLogButton run={run} />
      </Td>
    </tr>
  );
}
