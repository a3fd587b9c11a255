/** Ends a run after the page under way. Nothing is lost by it, so nobody is asked twice. */
import { Ban } from "lucide-react";
import { useTranslation } from "react-i18next";
import { Button } from "@/components/ui/button";
import { type Run, useCancelSync } from "@/features/sources/api/sync";
import { toProblem } from "@/lib/problem";

export function CancelButton({ run }: { run: Run }) {
  const { t } = useTranslation();
  const cancel = useCancelSync();
  const asked = cancel.isPending || cancel.isSuccess;
  // A run that has just ended by itself is no news: the page shows how.
  const refusal = cancel.error ? toProblem(cancel.error) : undefined;
  return (
    <span className="ml-auto flex items-center gap-2">
      {refusal && refusal.code !== "run-unknown" && (
        <span role="alert" className="text-bad text-xs">
          {refusal.title}
        </span>
      )}
      <Button aria-disabled={asked} onClick={() => !asked && cancel.mutate(run.run_id)}>
        <Ban aria-hidden className="size-3.5" />
        {t(asked ? "sources.cancelling" : "sources.cancel")}
      </Button>
    </span>
  );
}
