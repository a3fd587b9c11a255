/** Whether nothing of the log was changed, and the head that an auditor may note. */
import { useQuery } from "@tanstack/react-query";
import { LoaderCircle, ShieldAlert, ShieldCheck, ShieldQuestion } from "lucide-react";
import { useTranslation } from "react-i18next";
import { Badge } from "@/components/ui/badge";
import { type Verified, verifyQuery } from "@/features/audit/api/audit";

export function ChainState() {
  const { t } = useTranslation();
  const { data, isFetching, isError } = useQuery(verifyQuery);
  return (
    <div
      role="status"
      className="flex flex-wrap items-center gap-x-3 gap-y-1 rounded-card border border-line bg-surface px-4 py-3 text-[0.8125rem]"
    >
      {data && !isFetching ? (
        <Found verified={data} />
      ) : isError && !isFetching ? (
        <Badge tone="warn" icon={ShieldQuestion}>
          {t("audit.unchecked")}
        </Badge>
      ) : (
        <Badge tone="busy" icon={LoaderCircle} spin>
          {t("audit.checking")}
        </Badge>
      )}
    </div>
  );
}

function Found({ verified: { broken, head, end } }: { verified: Verified }) {
  const { t } = useTranslation();
  if (broken) {
    return (
      <>
        <Badge tone="bad" icon={ShieldAlert}>
          {t("audit.broken")}
        </Badge>
        <span>{broken.detail}</span>
      </>
    );
  }
  return (
    <>
      <Badge tone="ok" icon={ShieldCheck}>
        {t("audit.whole", { end })}
      </Badge>
      <span className="min-w-0 text-ink-2">
        {t("audit.head")} <code className="break-all font-mono text-xs">{head}</code>
      </span>
    </>
  );
}
