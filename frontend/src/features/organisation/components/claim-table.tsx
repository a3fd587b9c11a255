/** What is said about somebody's manager, the strongest first. */
import { ArrowDownToLine, Ban, CircleCheck } from "lucide-react";
import { useTranslation } from "react-i18next";
import { Badge } from "@/components/ui/badge";
import { ScrollRegion } from "@/components/ui/scroll-region";
import { RowHead, Table, Td, Th } from "@/components/ui/table";
import type { ManagerClaim } from "@/features/organisation/api/organisation";
import { useDays } from "@/features/organisation/components/use-days";

const LOOK = {
  holds: { tone: "ok", icon: CircleCheck },
  overridden: { tone: "neutral", icon: ArrowDownToLine },
  refused: { tone: "bad", icon: Ban },
} as const;

export function ClaimTable({ claims }: { claims: ManagerClaim[] }) {
  const { t } = useTranslation();
  const days = useDays();
  if (claims.length === 0) return <p className="text-ink-2">{t("org.noClaims")}</p>;
  return (
    <ScrollRegion label={t("org.claims")}>
      <Table
        caption={t("org.claims")}
        head={
          <>
            <Th>{t("org.manager")}</Th>
            <Th>{t("org.evidence")}</Th>
            <Th>{t("org.days")}</Th>
            <Th>{t("org.standing")}</Th>
          </>
        }
      >
        {claims.map(({ manager, evidence, team, from, until, standing }) => (
          <tr key={`${evidence} ${manager?.id} ${team?.id} ${from}`}>
            <RowHead className="whitespace-nowrap">{manager?.name ?? t("org.toNobody")}</RowHead>
            <Td>{[t(`managerEvidence.${evidence}`), team?.name].filter(Boolean).join(": ")}</Td>
            <Td className="whitespace-nowrap">{days(from, until)}</Td>
            <Td>
              <Badge {...LOOK[standing]}>{t(`claimStanding.${standing}`)}</Badge>
            </Td>
          </tr>
        ))}
      </Table>
    </ScrollRegion>
  );
}
