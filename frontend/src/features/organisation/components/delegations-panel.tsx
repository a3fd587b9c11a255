/** Who stands in for whom: one's own, or everybody's for whoever manages accounts. */
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { QueryPanel } from "@/components/state/query-panel";
import { Bones } from "@/components/state/skeleton";
import { Button } from "@/components/ui/button";
import { Panel } from "@/components/ui/panel";
import { delegationsQuery } from "@/features/organisation/api/organisation";
import { DelegateDialog } from "@/features/organisation/components/delegate-dialog";
import { DelegationRow } from "@/features/organisation/components/delegation-row";
import { useCan } from "@/lib/access";

export function DelegationsPanel() {
  const { t } = useTranslation();
  const [mayDelegate, seesAll] = [useCan("org:delegate"), useCan("users:manage")];
  const [delegating, setDelegating] = useState(false);
  const query = useQuery(delegationsQuery(seesAll));
  const button = mayDelegate && (
    <Button look="primary" onClick={() => setDelegating(true)}>
      {t("org.delegate")}
    </Button>
  );
  return (
    <Panel title={t("org.delegations")} hint={t("org.delegationsHint")} actions={button}>
      <QueryPanel query={query} skeleton={<Bones rows={2} />}>
        {({ delegations }) =>
          delegations.length === 0 ? (
            <p className="text-ink-2">{t("org.noDelegations")}</p>
          ) : (
            <ul aria-label={t("org.delegations")}>
              {delegations.map((delegation) => (
                <DelegationRow key={delegation.id} delegation={delegation} />
              ))}
            </ul>
          )
        }
      </QueryPanel>
      {delegating && query.data && (
        <DelegateDialog
          today={query.data.day}
          longest={query.data.longest}
          onClosed={() => setDelegating(false)}
        />
      )}
    </Panel>
  );
}
