/** Who stands in for whom, until when; withdrawn here. */
import { CalendarClock, CircleCheck } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Badge } from "@/components/ui/badge";
import { Button } from "@/components/ui/button";
import { ConfirmDialog } from "@/components/ui/confirm-dialog";
import { type Delegation, useWithdrawDelegation } from "@/features/organisation/api/organisation";
import { day } from "@/lib/format";

export function DelegationRow({ delegation }: { delegation: Delegation }) {
  const { t } = useTranslation();
  const [asking, setAsking] = useState(false);
  const withdraw = useWithdrawDelegation(delegation.id);
  const { from, to, holds } = delegation;
  const said = { from: from.name, to: to.name, first: day(delegation.first), last: day(delegation.last) };
  return (
    <li className="flex flex-wrap items-center gap-x-3 gap-y-1 border-line border-t py-2 first:border-t-0">
      <span>{t(sentence(delegation), said)}</span>
      <Badge tone={holds ? "ok" : "neutral"} icon={holds ? CircleCheck : CalendarClock}>
        {holds ? t("org.holds") : t("org.fromDay", { first: said.first })}
      </Badge>
      {delegation.note && <span className="text-ink-2 text-xs">{delegation.note}</span>}
      {delegation.may_withdraw && (
        <Button
          className="ms-auto"
          aria-label={t("org.withdrawOf", { from: from.name, to: to.name })}
          onClick={() => setAsking(true)}
        >
          {t("org.withdraw")}
        </Button>
      )}
      <ConfirmDialog
        open={asking}
        onOpenChange={setAsking}
        title={t("org.withdrawTitle")}
        text={t("org.withdrawText", said)}
        confirm={t("org.withdraw")}
        task={withdraw}
        onConfirm={() => withdraw.mutate(undefined, { onSuccess: () => setAsking(false) })}
      />
    </li>
  );
}

function sentence({ given, received }: Delegation) {
  if (received) return "org.youSee" as const;
  return given ? ("org.seesYours" as const) : ("org.seesTheirs" as const);
}
