/** Why sign-in was refused, and what to do: wrong credentials, too many attempts (with the wait counting down), or a server in trouble. */
import { CircleAlert } from "lucide-react";
import { type ReactNode, useState } from "react";
import { useTranslation } from "react-i18next";
import { ErrorState } from "@/components/state/error-state";
import { toProblem } from "@/lib/problem";
import { useNow } from "@/lib/use-now";

export function SignInError({ error }: { error: unknown }) {
  const { t } = useTranslation();
  const problem = toProblem(error);
  if (problem.status === 429)
    return <TooMany key={String(problem.requestId)} wait={problem.retryAfter ?? 60} />;
  if (problem.status !== 401) return <ErrorState error={problem} />;
  return (
    <Refusal what={t("signIn.error.invalid")}>
      <p>{t("signIn.error.invalidFix")}</p>
    </Refusal>
  );
}

function TooMany({ wait }: { wait: number }) {
  const { t } = useTranslation();
  const [until] = useState(() => Date.now() + wait * 1000);
  const left = Math.ceil((until - useNow(1_000)) / 1000);
  return (
    <Refusal what={t("signIn.error.tooMany")}>
      {/* The count is not announced again each second. */}
      <p aria-live="off">
        {left > 0 ? t("signIn.error.tooManyFix", { count: left }) : t("signIn.error.tooManyOver")}
      </p>
    </Refusal>
  );
}

export function Refusal({ what, children }: { what: string; children: ReactNode }) {
  return (
    <div
      role="alert"
      data-testid="sign-in-error"
      className="flex gap-2 rounded-lg bg-bad-soft px-3 py-2 text-[0.8125rem]"
    >
      <CircleAlert aria-hidden className="mt-0.5 size-4 shrink-0 text-bad" />
      <div>
        <p className="font-medium text-bad">{what}</p>
        {children}
      </div>
    </div>
  );
}
