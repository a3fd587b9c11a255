/** Who somebody reports to, by what that is known, and on which days. */
import { useTranslation } from "react-i18next";
import type { OrgPerson } from "@/features/organisation/api/organisation";
import { useDays } from "@/features/organisation/components/use-days";

export function ManagerText({ person }: { person: OrgPerson }) {
  const { t } = useTranslation();
  const days = useDays();
  if (!person.evidence) return <>{t("org.noManager")}</>;
  const name = person.manager?.name ?? t("org.toNobody");
  const parts = [t(`managerEvidence.${person.evidence}`), days(person.from, person.until)];
  return (
    <>
      {name} <span className="text-ink-3">({parts.filter(Boolean).join(", ")})</span>
    </>
  );
}
