/** Rejects, one a line; the raw position leads to the event. */
import { Link } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { ScrollRegion } from "@/components/ui/scroll-region";
import { RowHead, Table, Td, Th } from "@/components/ui/table";
import { placeOf, type Reject } from "@/features/operations/api/quarantine";
import { RejectBadge } from "@/features/operations/components/reject-badge";
import { NO_VALUE } from "@/lib/format";

export function RejectTable({ items }: { items: Reject[] }) {
  const { t } = useTranslation();
  return (
    <div className="rounded-card border border-line bg-surface pt-px">
      <ScrollRegion label={t("quarantine.list")}>
        <Table
          caption={t("quarantine.list")}
          head={
            <>
              <Th>{t("quarantine.position")}</Th>
              <Th>{t("quarantine.reason")}</Th>
              <Th>{t("quarantine.field")}</Th>
              <Th>{t("quarantine.detail")}</Th>
              <Th>{t("quarantine.stateLabel")}</Th>
            </>
          }
        >
          {items.map((reject) => (
            <tr key={reject.id} data-reject={reject.id} className="align-baseline hover:bg-surface-2">
              <RowHead>
                <Link
                  to="/data-lake/quarantine/$instance/$epoch/$sequence"
                  params={placeOf(reject.id)}
                  className="whitespace-nowrap font-mono text-accent-text text-xs underline-offset-2 hover:underline"
                >
                  {reject.id}
                </Link>
              </RowHead>
              <Td className="font-mono text-xs">{reject.reason}</Td>
              <Td className="font-mono text-xs">{reject.path || NO_VALUE}</Td>
              <Td className="min-w-56 break-words">{reject.detail}</Td>
              <Td>
                <RejectBadge state={reject.state} />
              </Td>
            </tr>
          ))}
        </Table>
      </ScrollRegion>
    </div>
  );
}
