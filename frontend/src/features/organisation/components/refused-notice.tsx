/** Tells that what is said of managers goes round in a circle, and what of it is refused. */
import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { declaredQuery, type RefusedManager } from "@/features/organisation/api/organisation";

export function RefusedNotice() {
  const { t } = useTranslation();
  const refused = useQuery(declaredQuery).data?.refused ?? [];
  if (refused.length === 0) return null;
  return (
    <section
      role="status"
      aria-label={t("org.refusedTitle")}
      className="rounded-card border border-line bg-warn-soft px-4 py-3 text-[0.8125rem]"
    >
      <h2 className="font-semibold text-sm text-warn">{t("org.refusedTitle")}</h2>
      <p className="text-ink-2">{t("org.refusedText")}</p>
      <ul className="list-disc ps-5">
        {refused.map((one) => (
          <li key={`${one.person.id} ${one.manager.id}`}>
            <Refused {...one} />
          </li>
        ))}
      </ul>
    </section>
  );
}

function Refused({ person, manager, evidence, line }: RefusedManager) {
  const { t } = useTranslation();
  const path = line.map(({ name }) => name).join(" → ");
  const said = { person: person.name, manager: manager.name, evidence: t(`managerEvidence.${evidence}`) };
  return <>{t("org.refused", { ...said, path })}</>;
}
