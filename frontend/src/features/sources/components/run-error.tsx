/** Why the last run failed, and what to do about it. */
import { CircleAlert } from "lucide-react";
import { useTranslation } from "react-i18next";
import type { Run } from "@/features/sources/api/sync";

export function RunError({ error }: { error: NonNullable<Run["error"]> }) {
  const { t } = useTranslation();
  return (
    <div
      role="alert"
      data-code={error.code}
      className="mx-4 mb-4 flex gap-3 rounded-lg bg-bad-soft p-3 text-[0.8125rem]"
    >
      <CircleAlert aria-hidden className="mt-0.5 size-4 shrink-0 text-bad" />
      <div className="min-w-0">
        <p className="break-words font-medium">{error.message}</p>
        <p>
          <span className="text-ink-2">{t("sources.whatToDo")}: </span>
          {error.fix}
        </p>
        <p className="font-mono text-ink-2 text-xs">{error.code}</p>
      </div>
    </div>
  );
}
