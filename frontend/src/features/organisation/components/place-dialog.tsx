/** Where somebody stands: all that is said about their manager, and what becomes of it. */
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { QueryPanel } from "@/components/state/query-panel";
import { Bones } from "@/components/state/skeleton";
import { Button } from "@/components/ui/button";
import { Dialog, DialogClose } from "@/components/ui/dialog";
import { type Fact, Facts } from "@/components/ui/facts";
import { placeQuery } from "@/features/organisation/api/organisation";
import { ClaimTable } from "@/features/organisation/components/claim-table";
import { ManagerDialog } from "@/features/organisation/components/manager-dialog";
import { useCan } from "@/lib/access";

export function PlaceDialog({ id, onClosed }: { id: string; onClosed: () => void }) {
  const { t } = useTranslation();
  const mayManage = useCan("org:manage");
  const [changing, setChanging] = useState(false);
  const query = useQuery(placeQuery(id));
  const person = query.data?.person;
  if (changing && person) return <ManagerDialog person={person} onClosed={onClosed} />;
  const title = person?.name ?? t("org.place");
  return (
    <Dialog open onOpenChange={(now) => !now && onClosed()} label={title} className="max-w-2xl">
      <div className="flex flex-col gap-3 overflow-y-auto p-5">
        <h2 className="font-semibold text-base">{title}</h2>
        <QueryPanel query={query} skeleton={<Bones rows={4} />}>
          {({ claims, line, teams, leads }) => {
            const names = (those: { name: string }[]) => those.map(({ name }) => name).join(", ");
            const facts: Fact[] = [
              { name: t("org.line"), value: names(line) || t("org.toNobody") },
              { name: t("org.teams"), value: names(teams) || t("org.none") },
              { name: t("org.leads"), value: names(leads) || t("org.none") },
            ];
            return (
              <div className="flex flex-col gap-3">
                <Facts facts={facts} />
                <ClaimTable claims={claims} />
              </div>
            );
          }}
        </QueryPanel>
        <div className="flex flex-wrap justify-end gap-2 pt-1">
          <DialogClose render={<Button look="ghost">{t("org.done")}</Button>} />
          {mayManage && person && (
            <Button look="primary" onClick={() => setChanging(true)}>
              {t("org.setManager")}
            </Button>
          )}
        </div>
      </div>
    </Dialog>
  );
}
