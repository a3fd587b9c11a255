/** Why the reader was sent to the sign-in page. */
import { Info } from "lucide-react";
import { useTranslation } from "react-i18next";

export const WHYS = ["required", "expired", "signed-out"] as const;
export type Why = (typeof WHYS)[number];

export function SignInReason({ why }: { why: Why }) {
  const { t } = useTranslation();
  return (
    <p
      role="status"
      data-testid="sign-in-why"
      className="mb-3 flex gap-2 rounded-lg bg-busy-soft px-3 py-2 text-[0.8125rem] text-busy"
    >
      <Info aria-hidden className="mt-0.5 size-4 shrink-0" />
      {t(`signIn.why.${why}`)}
    </p>
  );
}
