/** How far each object of a source was read. Whoever operates the pipeline may have one read again from the beginning. */
import { useQuery } from "@tanstack/react-query";
import { CircleCheck, CircleDashed, RotateCcw } from "lucide-react";
import { useTranslation } from "react-i18next";
import { ErrorState } from "@/components/state/error-state";
import { Badge } from "@/components/ui/badge";
import { Button } from "@/components/ui/button";
import { ScrollRegion } from "@/components/ui/scroll-region";
import { RowHead, Table, Td, Th } from "@/components/ui/table";
import { sourceCursorsQuery, useResetCursor } from "@/features/sources/api/manage";
import { InquiryDialog } from "@/features/sources/components/inquiry-dialog";
import type { Schemas } from "@/lib/api-client";
import { dateTime } from "@/lib/format";

interface SourceCursorsProps {
  source: { name: string; title: string };
  onClosed: () => void;
}

export function SourceCursorsDialog({ source, onClosed }: SourceCursorsProps) {
  const { t } = useTranslation();
  const query = useQuery(sourceCursorsQuery(source.name));
  const reset = useResetCursor(source.name);
  const title = t("source.cursors", { source: source.title });
  return (
    <InquiryDialog title={title} query={query} className="max-w-4xl" onClosed={onClosed}>
      {({ cursors }) => (
        <>
          <p className="mb-3 text-ink-2">{t("source.cursorsHint")}</p>
          {reset.isError && <ErrorState error={reset.error} />}
          <ScrollRegion label={title}>
            <Table caption={title} head={<Head />}>
              {cursors.map((cursor) => (
                <Row
                  key={cursor.object}
                  cursor={cursor}
                  onReset={() => !reset.isPending && reset.mutate(cursor.object)}
                />
              ))}
            </Table>
          </ScrollRegion>
        </>
      )}
    </InquiryDialog>
  );
}

function Head() {
  const { t } = useTranslation();
  return (
    <>
      <Th>{t("sources.object")}</Th>
      <Th>{t("history.state")}</Th>
      <Th>{t("source.readThrough")}</Th>
      <Th>{t("source.changesFrom")}</Th>
      <Th>{t("source.fullDue")}</Th>
      <Th>{t("source.reset")}</Th>
    </>
  );
}

const LOOK = {
  complete: { tone: "ok", icon: CircleCheck },
  middle: { tone: "neutral", icon: CircleDashed },
  reset: { tone: "neutral", icon: RotateCcw },
} as const;

function Row({ cursor, onReset }: { cursor: Schemas["SourceCursor"]; onReset: () => void }) {
  const { t } = useTranslation();
  const state = cursor.reset_at ? "reset" : cursor.complete ? "complete" : "middle";
  return (
    <tr data-object={cursor.object} data-state={state}>
      <RowHead className="font-mono text-xs">
        {cursor.object}
        <span className="block text-ink-2" title={t("source.position")}>
          {cursor.position.epoch}/{cursor.position.sequence}
        </span>
      </RowHead>
      <Td>
        <Badge {...LOOK[state]}>{t(`source.cursor.${state}`)}</Badge>
      </Td>
      <Td className="num whitespace-nowrap">{dateTime(cursor.read_through)}</Td>
      <Td className="num whitespace-nowrap">{dateTime(cursor.changes_from)}</Td>
      <Td className="num whitespace-nowrap">{dateTime(cursor.full_due)}</Td>
      <Td>
        <Button
          look="ghost"
          aria-disabled={state === "reset"}
          aria-label={t("source.resetLabel", { object: cursor.object })}
          onClick={() => state !== "reset" && onReset()}
        >
          {t("source.reset")}
        </Button>
      </Td>
    </tr>
  );
}
