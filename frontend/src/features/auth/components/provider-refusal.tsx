/** Why a sign-in through a provider led back here, and what to do: by the server's word, never by a text of the provider's. */
import { useTranslation } from "react-i18next";
import { Refusal } from "@/features/auth/components/sign-in-error";
import type { en } from "@/i18n/en";

type Text = keyof (typeof en)["signIn"]["refused"];

/** The words that have a text of their own, or share one. All others mean that an answer was not accepted. */
const TEXTS = new Map<string, Text>([
  ["access-denied", "denied"],
  ["consent-required", "consent"],
  ["interaction-required", "interaction"],
  ["provider-unavailable", "away"],
  ["provider-misconfigured", "setup"],
  ["provider-unknown", "setup"],
  ["clock-skew", "clocks"],
  ["token-expired", "clocks"],
  ["tenant-not-allowed", "tenant"],
  ["no-role", "role"],
  ["groups-incomplete", "groups"],
  ["account-exists", "exists"],
  ["account-disabled", "disabled"],
  ["directory-disabled", "disabled"],
  ["sign-in-expired", "again"],
  ["state-invalid", "again"],
  ["already-used", "again"],
  ["code-refused", "again"],
  ["too-many-attempts", "tooMany"],
  ["unavailable", "unavailable"],
]);

export function ProviderRefusal({ code, title }: { code: string; title: string | undefined }) {
  const { t } = useTranslation();
  const provider = title ?? t("signIn.someProvider");
  return (
    <div className="mb-4">
      <Refusal what={t("signIn.notSignedIn")}>
        <p>{t(`signIn.refused.${TEXTS.get(code) ?? "other"}`, { provider })}</p>
        <p className="num mt-1 text-ink-2 text-xs">{code}</p>
      </Refusal>
    </div>
  );
}
