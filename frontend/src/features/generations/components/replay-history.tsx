/** The latest replays and verifications, with what came of each. */
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { EmptyState } from "@/components/state/empty-state";
import { QueryPanel } from "@/components/state/query-panel";
import { Bones } from "@/components/state/skeleton";
import { Panel } from "@/components/ui/panel";
import { ScrollRegion } from "@/components/ui/scroll-region";
import { RowHead, Table, Td, Th } from "@/components/ui/table";
import { type Replay, replaysQuery } from "@/features/generations/api/generations";
import { ReplayBadge, useAskedBy, useReplayTitle } from "@/features/generations/components/replay-state";
import { dateTime, duration, integer, NO_VALUE, preciseTime } from "@/lib/format";

export function ReplayHistory() {
  const { t } = useTranslation();
  const query = useQuery(replaysQuery);
  return (
    <Panel title={t("replay.history")} flush>
      <QueryPanel query={query} inset="px-4 pb-4" skeleton={<Bones rows={3} className="h-8" />}>
        {({ items }) =>
          items.length === 0 ? (
            <EmptyState title={t("replay.none")} why={t("replay.noneWhy")} />
          ) : (
            <ScrollRegion label={t("replay.history")}>
              <Table caption={t("replay.history")} head={<Head />}>
                {items.map((replay) => (
                  <Row key={replay.id} replay={replay} />
                ))}
              </Table>
            </ScrollRegion>
          )
        }
      </QueryPanel>
    </Panel>
  );
}

function Head() {
  const { t } = useTranslation();
  return (
    <>
      <Th>{t("replay.what")}</Th>
      <Th>{t("replay.stateLabel")}</Th>
      <Th>{t("replay.asked")}</Th>
      <Th figure>{t("replay.took")}</Th>
      <Th figure>{t("comparison.differing")}</Th>
      <Th figure>{t("comparison.unexplained")}</Th>
    </>
  );
}

function Row({ replay }: { replay: Replay }) {
  const title = useReplayTitle();
  const askedBy = useAskedBy();
  const { result, started_at, finished_at } = replay;
  return (
    <tr data-replay={replay.id} data-state={replay.state} className="align-baseline hover:bg-surface-2">
      <RowHead className="min-w-44">
        <Link
          to="/data-lake/replays/$replay"
          params={{ replay: replay.id }}
          className="text-accent-text underline-offset-2 hover:underline"
        >
          {title(replay)}
        </Link>
      </RowHead>
      <Td>
        <ReplayBadge state={replay.state} />
      </Td>
      <Td className="min-w-44">
        <span className="num block whitespace-nowrap" title={preciseTime(replay.requested_at)}>
          {dateTime(replay.requested_at)}
        </span>
        <span className="block text-ink-2 text-xs">{askedBy(replay)}</span>
      </Td>
      <Td figure>{finished_at ? duration(started_at, finished_at, 0) : NO_VALUE}</Td>
      <Td figure>{result ? integer(result.differing) : NO_VALUE}</Td>
      <Td figure className={result && result.unexplained > 0 ? "font-medium text-bad" : ""}>
        {result ? integer(result.unexplained) : NO_VALUE}
      </Td>
    </tr>
  );
}
