/** A failure where it happened: what, why, what to do, the request id, and Retry. */
import { RotateCw, TriangleAlert } from "lucide-react";
import { useTranslation } from "react-i18next";
import { useProblemText } from "@/components/state/problem-text";
import { Button } from "@/components/ui/button";
import { toProblem } from "@/lib/problem";

export function ErrorState({ error, onRetry }: { error: unknown; onRetry?: () => void }) {
  const { t } = useTranslation();
  const problem = toProblem(error);
  const text = useProblemText(problem);
  return (
    <div
      role="alert"
      className="flex gap-3 rounded-lg border border-bad/30 bg-bad-soft p-4"
      data-code={problem.code}
    >
      <TriangleAlert aria-hidden className="mt-0.5 size-4 shrink-0 text-bad" />
      <div className="flex min-w-0 flex-col items-start gap-1">
        <p className="font-semibold">{text.what}</p>
        {text.why && <p className="text-ink-2">{text.why}</p>}
        {text.fix && <p>{text.fix}</p>}
        {problem.requestId && (
          <p className="break-all font-mono text-ink-2 text-xs">
            {t("problem.requestId", { id: problem.requestId })}
          </p>
        )}
        {onRetry && (
          <Button className="mt-2" onClick={onRetry}>
            <RotateCw aria-hidden className="size-3.5" />
            {t("problem.retry")}
          </Button>
        )}
      </div>
    </div>
  );
}
