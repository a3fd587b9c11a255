/** Read the event again, or leave it out with a reason. Says what became of it. */
import { Ban, RotateCw } from "lucide-react";
import { type FormEvent, useState } from "react";
import { useTranslation } from "react-i18next";
import { ErrorState } from "@/components/state/error-state";
import { Button } from "@/components/ui/button";
import { Panel } from "@/components/ui/panel";
import { ReasonField } from "@/components/ui/reason-field";
import { type RawPlace, type RejectState, useDecide } from "@/features/operations/api/quarantine";

export function Decisions({ place, state }: { place: RawPlace; state: RejectState }) {
  const { t } = useTranslation();
  const [reason, setReason] = useState("");
  const decide = useDecide(place);
  const waive = (event: FormEvent) => {
    event.preventDefault();
    if (!decide.isPending) decide.mutate({ waive: reason.trim() });
  };
  return (
    <Panel title={t("quarantine.decide")} hint={t("quarantine.decideHint")}>
      <div className="flex flex-col gap-3">
        <div role="status" className="text-[0.8125rem]" data-outcome={decide.data?.outcome}>
          {decide.data && t(`quarantine.outcome.${decide.data.outcome}`)}
        </div>
        {decide.isError && <ErrorState error={decide.error} />}
        <Button
          className="self-start"
          aria-disabled={decide.isPending}
          onClick={() => !decide.isPending && decide.mutate({ retry: true })}
        >
          <RotateCw aria-hidden className="size-3.5" />
          {t("quarantine.retry")}
        </Button>
        {state !== "waived" && (
          <form onSubmit={waive} className="flex flex-wrap items-end gap-2">
            <div className="flex min-w-0 flex-1 basis-56 flex-col gap-1">
              <ReasonField label={t("quarantine.waiveReason")} value={reason} onChange={setReason} />
            </div>
            <Button type="submit" aria-disabled={decide.isPending}>
              <Ban aria-hidden className="size-3.5" />
              {t("quarantine.waive")}
            </Button>
          </form>
        )}
      </div>
    </Panel>
  );
}
