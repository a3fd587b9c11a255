/** A way in for each provider of the configuration. Links, not buttons: the browser leaves this page. */
import { useTranslation } from "react-i18next";
import { buttonClass } from "@/components/ui/button";
import type { Schemas } from "@/lib/api-client";

interface ProviderButtonsProps {
  providers: Schemas["SignInProvider"][];
  next: string;
}

export function ProviderButtons({ providers, next }: ProviderButtonsProps) {
  const { t } = useTranslation();
  return (
    <>
      <ul className="flex flex-col gap-2" data-testid="sign-in-providers">
        {providers.map(({ name, title, login_path }) => (
          <li key={name}>
            <a
              href={`${login_path}?next=${encodeURIComponent(next)}`}
              className={buttonClass({ size: "md", className: "w-full" })}
            >
              {t("signIn.with", { title })}
            </a>
          </li>
        ))}
      </ul>
      <p className="my-4 flex items-center gap-3 text-ink-3 text-xs before:h-px before:flex-1 before:bg-line after:h-px after:flex-1 after:bg-line">
        {t("signIn.or")}
      </p>
    </>
  );
}
