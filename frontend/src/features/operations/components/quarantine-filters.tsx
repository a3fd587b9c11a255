/** State and source of the rejects shown. A choice goes into the address and back to the first page. */
import { useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { Segmented } from "@/components/ui/segmented";
import { epochsQuery, type QuarantineSearch, REJECT_STATES } from "@/features/operations/api/quarantine";

const STATES = [...REJECT_STATES, "all"] as const;

export function QuarantineFilters({ search }: { search: QuarantineSearch }) {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const epochs = useQuery(epochsQuery);
  const choose = (part: Partial<QuarantineSearch>) =>
    void navigate({
      to: "/data-lake/quarantine",
      search: { state: search.state, source: search.source, reason: search.reason, ...part, page: 1 },
    });
  const known = (epochs.data?.items ?? []).map((epoch) => epoch.instance);
  const sources = [...new Set(search.source ? [...known, search.source] : known)].sort();
  return (
    <div className="flex flex-wrap items-center gap-3">
      <Segmented
        label={t("quarantine.stateLabel")}
        value={search.state}
        onChange={(state) => choose({ state })}
        options={STATES.map((value) => ({ value, label: t(`quarantine.state.${value}`) }))}
      />
      <label className="flex items-center gap-2 text-[0.8125rem] text-ink-2">
        {t("quarantine.source")}
        <select
          value={search.source ?? ""}
          onChange={(event) => choose({ source: event.target.value || undefined })}
          className="h-8 rounded-md border border-line-strong bg-surface px-2 text-ink"
        >
          <option value="">{t("quarantine.allSources")}</option>
          {sources.map((name) => (
            <option key={name} value={name}>
              {name}
            </option>
          ))}
        </select>
      </label>
    </div>
  );
}
