/** Who reports to whom and by what that is known, and who stands in for whom. */
import "@/i18n/later";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { PageHeader } from "@/components/ui/page-header";
import { DeclaredPanel } from "@/features/organisation/components/declared-panel";
import { DelegationsPanel } from "@/features/organisation/components/delegations-panel";
import { PlaceDialog } from "@/features/organisation/components/place-dialog";
import { RefusedNotice } from "@/features/organisation/components/refused-notice";
import { TreePanel } from "@/features/organisation/components/tree-panel";
import { useCan } from "@/lib/access";

export function OrganisationPage() {
  const { t } = useTranslation();
  const mayManage = useCan("org:manage");
  const [shown, setShown] = useState<string>();
  return (
    <>
      <PageHeader title={t("org.title")} subtitle={t("org.subtitle")} />
      {mayManage && <RefusedNotice />}
      <TreePanel onShow={setShown} />
      <DelegationsPanel />
      {mayManage && <DeclaredPanel />}
      {shown && <PlaceDialog id={shown} onClosed={() => setShown(undefined)} />}
    </>
  );
}
