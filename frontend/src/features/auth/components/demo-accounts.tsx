/** Demo mode only: the accounts the server offers, one click fills in the form. */
import { useTranslation } from "react-i18next";
import type { Credentials } from "@/features/auth/components/sign-in-form";
import type { Schemas } from "@/lib/api-client";

interface DemoAccountsProps {
  accounts: Schemas["DemoAccount"][];
  onPick: (credentials: Credentials) => void;
}

export function DemoAccounts({ accounts, onPick }: DemoAccountsProps) {
  const { t } = useTranslation();
  return (
    <section aria-labelledby="demo-accounts" className="mt-4">
      <h2 id="demo-accounts" className="eyebrow px-1">
        {t("signIn.demoTitle")} · <span className="font-normal">{t("signIn.demoHint")}</span>
      </h2>
      <ul className="mt-2 divide-y divide-line overflow-hidden rounded-lg border border-line bg-surface">
        {accounts.map(({ role_label, email, password }) => (
          <li key={email}>
            <button
              type="button"
              data-testid="demo-account"
              className="flex w-full flex-wrap items-baseline justify-between gap-x-3 px-3 py-2 text-start text-[0.8125rem] hover:bg-surface-2 focus-visible:-outline-offset-2"
              onClick={() => onPick({ email, password })}
            >
              <span className="font-medium">{role_label}</span>
              <span className="text-ink-2 text-xs">{email}</span>
            </button>
          </li>
        ))}
      </ul>
    </section>
  );
}
