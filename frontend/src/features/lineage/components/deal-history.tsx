/** What happened to a deal, the latest first: what changed, when and by whom, and how that is known. */
import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { QueryPanel } from "@/components/state/query-panel";
import { Bones } from "@/components/state/skeleton";
import { Panel } from "@/components/ui/panel";
import { ScrollRegion } from "@/components/ui/scroll-region";
import { RowHead, Table, Td, Th } from "@/components/ui/table";
import {
  type DealHistory as Answer,
  type HistoryRow,
  historyQuery,
} from "@/features/lineage/api/get-history";
import { HistoryEvidence } from "@/features/lineage/components/history-evidence";
import { HistoryValue } from "@/features/lineage/components/history-value";
import { dateTime, NO_VALUE, preciseTime } from "@/lib/format";

const FIELDS = [
  "created",
  "deleted",
  "restored",
  "merged_from",
  "kind",
  "stage",
  "status",
  "amount",
  "probability",
  "owner",
  "team",
  "close_date",
] as const;

export function DealHistory({ id }: { id: string }) {
  const { t } = useTranslation();
  const query = useQuery(historyQuery(id));
  return (
    <Panel title={t("dealHistory.title")} hint={t("dealHistory.hint")} flush>
      <QueryPanel query={query} skeleton={<Bones rows={4} className="mx-4 my-3" />}>
        {({ rows, names }) => (
          <ScrollRegion label={t("dealHistory.title")}>
            <Table
              caption={t("dealHistory.title")}
              head={
                <>
                  <Th>{t("dealHistory.when")}</Th>
                  <Th>{t("dealHistory.what")}</Th>
                  <Th>{t("dealHistory.change")}</Th>
                  <Th>{t("dealHistory.who")}</Th>
                  <Th>{t("dealHistory.known")}</Th>
                </>
              }
            >
              {shown(rows).map((row) => (
                <Change key={keyOf(row)} row={row} names={names} />
              ))}
            </Table>
          </ScrollRegion>
        )}
      </QueryPanel>
    </Panel>
  );
}

function Change({ row, names }: { row: HistoryRow; names: Answer["names"] }) {
  const { t } = useTranslation();
  const { field, from, to, by, valid_at } = row;
  const known = FIELDS.find((name) => name === field);
  return (
    <tr data-history={field}>
      <RowHead className="whitespace-nowrap" title={preciseTime(valid_at)}>
        {dateTime(valid_at)}
      </RowHead>
      <Td className="whitespace-nowrap">{known ? t(`historyField.${known}`) : field}</Td>
      <Td>
        {from != null && (
          <>
            <HistoryValue field={field} value={from} names={names} /> <span aria-hidden>→</span>
            <span className="sr-only">{t("dealHistory.to")}</span>{" "}
          </>
        )}
        {(to != null || from != null) && <HistoryValue field={field} value={to} names={names} />}
      </Td>
      <Td className="whitespace-nowrap">{by ? (names[by] ?? t("lineage.somebody")) : NO_VALUE}</Td>
      <Td>
        <HistoryEvidence row={row} />
      </Td>
    </tr>
  );
}

/** The latest first. Where the amount's currency is found is no event in a deal's life. */
function shown(rows: HistoryRow[]): HistoryRow[] {
  return rows.filter(({ field }) => field !== "currency").reverse();
}

function keyOf({ facet, field, valid_at, from, to }: HistoryRow): string {
  return [facet, field, valid_at, JSON.stringify(from), JSON.stringify(to)].join("|");
}
