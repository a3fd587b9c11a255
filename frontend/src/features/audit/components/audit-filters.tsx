/** What of the log is shown. A choice goes into the address, and back to the newest entries. */
import { useNavigate } from "@tanstack/react-router";
import { X } from "lucide-react";
import { useTranslation } from "react-i18next";
import { Button } from "@/components/ui/button";
import { AUDIT_GROUPS, type AuditSearch } from "@/features/audit/api/audit";

const field = "h-8 rounded-md border border-line-strong bg-surface px-2 text-ink";
const label = "flex items-center gap-2 text-[0.8125rem] text-ink-2";

export function AuditFilters({ search }: { search: AuditSearch }) {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const choose = (part: Partial<AuditSearch>) =>
    void navigate({ to: "/audit", search: { ...search, before: undefined, ...part } });
  return (
    <div className="flex flex-wrap items-center gap-3">
      <label className={label}>
        {t("audit.action")}
        <select
          value={search.group ?? ""}
          onChange={({ target }) => choose({ group: AUDIT_GROUPS.find((group) => group === target.value) })}
          className={field}
        >
          <option value="">{t("audit.all")}</option>
          {AUDIT_GROUPS.map((group) => (
            <option key={group} value={group}>
              {t(`audit.group.${group}`)}
            </option>
          ))}
        </select>
      </label>
      {(["from", "to"] as const).map((end) => (
        <label key={end} className={label}>
          {t(`audit.range.${end}`)}
          <input
            type="date"
            value={search[end] ?? ""}
            onChange={({ target }) => choose({ [end]: target.value || undefined })}
            className={field}
          />
        </label>
      ))}
      {(["actor", "target"] as const).map(
        (only) =>
          search[only] && (
            <Button key={only} onClick={() => choose({ [only]: undefined })}>
              {t(`audit.only.${only}`, { id: search[only] })}
              <X aria-hidden className="size-3.5" />
            </Button>
          ),
      )}
    </div>
  );
}
